"""Printed documents: a Jinja2 template of a pack for one subject.

It must not know Jinja2; templates are rendered by the http layer from frozen plain data.
"""

from typing import Literal

from qtcore.definitions.definition import Definition, Text


class DocumentDefinition(Definition):
    """A document template, relative to the pack folder. Title in i18n: ``documents.<id>``."""

    subject: Literal["lot", "record", "recall", "shipment"]
    template: Text
