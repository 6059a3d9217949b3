"""Workbooks an authority may ask for: which events, which rows, which columns, what is required.

It must not know where values are stored or how a workbook is written.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Definition, Flag, Id, LegalSource, Model, Name, Text

Shape = Literal["text", "date", "location", "product", "quantity", "lot_code_source"]


class ExportColumn(Model):
    """One element of a record; composites become several cells.

    `element` is its name as the reader wants it (it heads the cells). `from`: ``event.at``,
    ``event.place``, ``values.<field>`` of the event's form, or ``<part>.lot_no``,
    ``<part>.quantity``, ``<part>.product``, ``<part>.<extra field>`` of a line. `as`: a location
    is written with phone and address, a product with its description, a quantity with its unit,
    ``lot_code_source`` as the location or the reference that names it. `when`: required only if
    these fields of the form hold these values. `required: false`: never missed.
    """

    element: Text
    from_: Text = Field(alias="from", pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$")
    as_: Shape = Field(default="text", alias="as")
    required: Flag = True
    when: Mapping[Name, Text] = Field(default_factory=dict)
    source: LegalSource | None = None


class ExportSheet(Model):
    """One sheet: a row for each line of `row` in its events, and for each pair of input and output.

    `also` are event types that count only for items that fit the export's `items`.
    """

    id: Id
    events: tuple[Id, ...]
    also: tuple[Id, ...] = ()
    row: Literal["output", "input_output", "subject"]
    columns: tuple[ExportColumn, ...] = Field(min_length=1)


class ExportDefinition(Definition):
    """A workbook, written by ``qtcore export <id>``. Title in i18n under ``exports.<id>``.

    `items` names extra fields of the item and the values that make it fall under this record.
    `glossary` explains words and codes to the reader, in the language of the workbook.
    """

    items: Mapping[Name, tuple[Text, ...]] = Field(default_factory=dict)
    sheets: tuple[ExportSheet, ...] = Field(min_length=1)
    glossary: Mapping[Text, Text] = Field(default_factory=dict)
