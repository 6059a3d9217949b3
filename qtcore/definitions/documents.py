"""Printed documents: a Jinja2 template of a pack for one subject.

It must not know Jinja2; see `qtcore.registry.templates` for what a template may say.
"""

from typing import Literal

from qtcore.definitions.definition import Definition, Text


class DocumentDefinition(Definition):
    """A document template, relative to the pack folder. Title in i18n: ``documents.<id>``.

    The template sees `language`, `document`, `ledger` and `printed`, and by its subject: ``lot``
    and ``release``; ``record``; ``record`` and ``scope`` of a recall; ``shipment``; ``delegation``.
    Everything is escaped; it can call nothing, and a value that is not there is a mistake.
    """

    subject: Literal["lot", "record", "recall", "shipment", "delegation"]
    template: Text
