"""A mapping: which columns a file has, what a row says, which lots it names. Written by the site.

It must not know file contents. Whatever a file holds that the mapping does not explain is listed,
never guessed.
"""

import re
from collections.abc import Mapping as Dict
from decimal import Decimal
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from qtcore.builtin.faults import ReadFault, shown

_FIELD = re.compile(r"\{([^{}]*)\}")


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | Decimal) else value


Text = Annotated[str, BeforeValidator(_as_text), StringConstraints(max_length=400)]
Word = Annotated[
    str, BeforeValidator(_as_text), StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """What one column holds, and where it goes.

    Without `result_of`, `event_value` or use in a template a column is only kept with the event.
    `format` of a date is made of YYYY YY MM M DD D and MON, with a time also of hh mm and ss;
    without a day it has month precision.
    `values` translates what is written; anything it does not list is a fault. `same_as`: the value
    must equal that of this column of the first table. `ignored`: left out on purpose.
    """

    type: Literal["text", "integer", "decimal", "date"] = "text"
    required: bool = False
    format: Text = ""
    unit: Text = ""
    values: Dict[Text, Text] = {}
    name: Word | None = None
    result_of: Word | None = None
    event_value: bool = False
    same_as: Text | None = None
    ignored: bool = False

    @model_validator(mode="after")
    def _date_has_format(self) -> "Column":
        if self.type == "date" and not {"YYYY", "YY"} & set(date_tokens(self.format)):
            raise ValueError(
                "a date needs a format of YYYY or YY with MM, M or MON, such as 'DD.MM.YYYY'"
            )
        return self


class TableMapping(_Part):
    """One file. The first table gives the rows; others are joined to it by their `key`.

    `sheet` names the sheet of a workbook, the first when it is empty; `delimiter`, `encoding` and
    `decimal_separator` are those of a text file.
    """

    sheet: Text = ""
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Text = "utf-8"
    decimal_separator: Literal[".", ","] = "."
    key: Annotated[tuple[Text, ...], Field(min_length=1)]
    optional: bool = False
    columns: Annotated[Dict[Text, Column], Field(min_length=1)]

    @model_validator(mode="after")
    def _key_is_known(self) -> "TableMapping":
        for name in self.key:
            if name not in self.columns:
                raise ValueError(f"key column {name!r} is not among the columns")
        return self


class LotMapping(_Part):
    """A lot that each row names: identity templates such as ``{api_batch}``, and its part.

    `quantity` is the column with how much; without it nobody recorded a quantity.
    """

    part: Literal["input", "output", "subject"]
    item: Text
    item_name: Text = ""
    item_kind: Literal["raw", "packaging", "intermediate", "bulk", "finished"] = "raw"
    item_unit: Text = ""
    source: Text
    source_name: Text = ""
    lot_no: Text
    quantity: Text | None = None
    unit: Text = ""


class EventMapping(_Part):
    """The event each row becomes: `type` is an event definition, `at` the column of its date.

    `key` is its id among all imports: the same key with equal content is stored once.
    """

    type: Word
    key: Text
    at: Text
    utc_offset: Annotated[Text, StringConstraints(pattern=r"^[+-]\d\d:\d\d$")] = "+00:00"
    location: Text = ""
    location_name: Text = ""
    step: Text = ""


class Mapping(_Part):
    """A whole mapping. `missing` lists what stands for an absent value, after trimming blanks."""

    mapping: Word
    title: Text = ""
    missing: tuple[Text, ...] = ("",)
    months: Dict[Text, Annotated[int, Field(ge=1, le=12)]] = {}
    century: Annotated[int, Field(ge=1900, le=2100)] = 2000
    tables: Annotated[Dict[Word, TableMapping], Field(min_length=1)]
    event: EventMapping
    lots: Annotated[Dict[Word, LotMapping], Field(min_length=1)]

    @property
    def main(self) -> TableMapping:
        """Give the table whose rows are imported."""
        return next(iter(self.tables.values()))

    @model_validator(mode="after")
    def _refers_to_known(self) -> "Mapping":
        mistakes = [*self._unknown_columns(), *self._unknown_lots(), *self._wrong_keys()]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _unknown_columns(self) -> list[str]:
        used = {"event.at": self.event.at, **_template_fields("event.key", self.event.key)}
        for name, lot in self.lots.items():
            for place in ("item", "item_name", "source", "source_name", "lot_no"):
                used |= _template_fields(f"lots.{name}.{place}", getattr(lot, place))
            if lot.quantity is not None:
                used[f"lots.{name}.quantity"] = lot.quantity
        columns = self.main.columns
        known = ", ".join(columns)
        return [
            f"{place} names column {column!r}, which is none of {known[:300]}"
            for place, column in used.items()
            if column not in columns
        ]

    def _unknown_lots(self) -> list[str]:
        return [
            f"column {column!r} is a result of {entry.result_of!r}; lots are {', '.join(self.lots)}"
            for table in self.tables.values()
            for column, entry in table.columns.items()
            if entry.result_of is not None and entry.result_of not in self.lots
        ]

    def _wrong_keys(self) -> list[str]:
        width = len(self.main.key)
        found = [
            f"table {name!r} joins by {len(table.key)} columns, the first table by {width}"
            for name, table in self.tables.items()
            if len(table.key) != width
        ]
        at = self.main.columns.get(self.event.at)
        if at is not None and at.type != "date":
            found.append(f"event.at: column {self.event.at!r} is no date")
        return found


def date_tokens(form: str) -> list[str]:
    """Cut a date format into its tokens and the text between."""
    return re.findall(r"YYYY|YY|MON|MM|M|DD|D|hh|mm|ss|[^YMDhms]+|[hms]", form)


def fill(template: str, values: Dict[str, str | None]) -> str:
    """Fill a template; raises KeyError with the column that has no value in this row."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found is None:
            raise KeyError(match[1])
        return found

    return _FIELD.sub(value, template)


def _template_fields(place: str, template: str) -> dict[str, str]:
    fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    return {f"{place} {number}": name for number, name in enumerate(fields)}


def check_mapping(value: Any) -> tuple[Mapping | None, tuple[ReadFault, ...]]:
    """Check what a mapping file holds; the mapping, or the faults with their places."""
    try:
        return Mapping.model_validate(value), ()
    except ValidationError as error:
        return None, tuple(
            ReadFault("QT726", _sentence(each), "/" + "/".join(str(step) for step in each["loc"]))
            for each in error.errors(include_url=False)
        )


def _sentence(mistake: Any) -> str:
    """Say what is wrong in the words of a mapping's author."""
    match mistake["type"]:
        case "missing":
            return "this key is missing; a mapping needs it"
        case "extra_forbidden":
            return "this key is not known here; correct or remove it"
    says = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{says} (found {shown(mistake['input'])})"
