"""A mapping: which columns a file has, what a row says, which lots it names. Written by the site.

It must not know file contents. Whatever a file holds that the mapping does not explain is listed,
never guessed.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dict
from decimal import Decimal, InvalidOperation
from functools import cache
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from qtcore.builtin.faults import ReadFault, shown

_OFFSET = r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$"
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
    `values` translates what is written; anything it does not list is a fault. `lookup` names the
    look-up that translates instead. `unit_column` names the column of the same table that holds
    the unit of each value; with `unit` too, values are converted into it. `same_as`: the value
    must equal that of this column of the first table. `ignored`: left out on purpose.
    """

    type: Literal["text", "integer", "decimal", "date"] = "text"
    required: bool = False
    format: Text = ""
    unit: Text = ""
    unit_column: Text | None = None
    values: Dict[Text, Text] = {}
    lookup: Word | None = None
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
        if self.values and self.lookup:
            raise ValueError("values and lookup both translate; give one of them")
        return self


class Lookup(_Part):
    """What written texts stand for. Exactly one of `values`, `table` and `master` is given.

    `values` is a code list written here. `table` is a table of the mapping that is only looked up:
    the row whose column `by` holds the text gives its column `give`. `master` is master data of
    the site: `by` and `give` are code, name (in any language), of an item also unit, or an extra
    field. A text that is not there, or stands for several things, quarantines the row.
    """

    values: Dict[Text, Text] = {}
    table: Word | None = None
    master: Literal["item", "party", "location", "equipment"] | None = None
    by: Text = "code"
    give: Text = "code"

    @model_validator(mode="after")
    def _has_one_source(self) -> "Lookup":
        if sum(map(bool, (self.values, self.table, self.master))) != 1:
            raise ValueError("give one of values, table and master")
        return self


class OwnUnit(_Part):
    """What one of a written unit is, such as a crate of 12.5 kg."""

    unit: Text
    factor: Annotated[Decimal, Field(gt=0)]

    @field_validator("factor", mode="before")
    @classmethod
    def _as_number(cls, value: object) -> object:
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise ValueError("give a number such as 12.5") from None


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

    `quantity` is the column with how much; without it nobody recorded a quantity. Its unit is
    `unit` for all rows, or stands in each row in `unit_column`; with both, quantities are
    converted into `unit`.
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
    unit_column: Text | None = None


class EventMapping(_Part):
    """The event each row becomes: `type` is an event definition, `at` the column of its date.

    `key` is its id among all imports: the same key with equal content is stored once. `device` is
    the code of the device that told it; a row whose column is empty names none.
    """

    type: Word
    key: Text
    at: Text
    utc_offset: Annotated[Text, StringConstraints(pattern=_OFFSET)] = "+00:00"
    location: Text = ""
    location_name: Text = ""
    step: Text = ""
    device: Text = ""


class Mapping(_Part):
    """A whole mapping. `missing` lists what stands for an absent value, after trimming blanks.

    `units` are spellings of units that no pack declares, each with what it is: they count in this
    mapping only.
    """

    mapping: Word
    title: Text = ""
    missing: tuple[Text, ...] = ("",)
    months: Dict[Text, Annotated[int, Field(ge=1, le=12)]] = {}
    century: Annotated[int, Field(ge=1900, le=2100)] = 2000
    units: Dict[Text, OwnUnit] = {}
    lookups: Dict[Word, Lookup] = {}
    tables: Annotated[Dict[Word, TableMapping], Field(min_length=1)]
    event: EventMapping
    lots: Annotated[Dict[Word, LotMapping], Field(min_length=1)]

    @property
    def main(self) -> TableMapping:
        """Give the table whose rows are imported."""
        return next(iter(self.tables.values()))

    @property
    def looked_up(self) -> frozenset[str]:
        """Name the tables that are only looked up: their rows are not joined."""
        return frozenset(each.table for each in self.lookups.values() if each.table)

    @model_validator(mode="after")
    def _refers_to_known(self) -> "Mapping":
        mistakes = [
            *self._unknown_columns(),
            *self._unknown_lots(),
            *self._wrong_keys(),
            *self._wrong_lookups(),
            *self._wrong_unit_columns(),
        ]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _unknown_columns(self) -> list[str]:
        used = {"event.at": self.event.at}
        for place in ("key", "device"):
            used |= _template_fields(f"event.{place}", getattr(self.event, place))
        for name, lot in self.lots.items():
            for place in ("item", "item_name", "source", "source_name", "lot_no"):
                used |= _template_fields(f"lots.{name}.{place}", getattr(lot, place))
            for place in ("quantity", "unit_column"):
                if getattr(lot, place) is not None:
                    used[f"lots.{name}.{place}"] = getattr(lot, place)
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
            if len(table.key) != width and name not in self.looked_up
        ]
        at = self.main.columns.get(self.event.at)
        if at is not None and at.type != "date":
            found.append(f"event.at: column {self.event.at!r} is no date")
        return found

    def _wrong_lookups(self) -> list[str]:
        found = []
        for name, rules in self.lookups.items():
            if rules.table is None:
                continue
            table = self.tables.get(rules.table)
            if table is None or table is self.main:
                others = ", ".join(list(self.tables)[1:]) or "none"
                found.append(f"lookups.{name} names table {rules.table!r}; accepted: {others}")
                continue
            for column in (rules.by, rules.give):
                entry = table.columns.get(column)
                if entry is None:
                    known = ", ".join(table.columns)
                    text = f"column {column!r}, which is none of {known[:300]}"
                    found.append(f"lookups.{name} names {text}")
                elif entry.lookup or entry.ignored:
                    text = f"column {column!r}, which is looked up itself or ignored"
                    found.append(f"lookups.{name} names {text}")
        known = ", ".join(self.lookups) or "none"
        for table_name, table in self.tables.items():
            found += [
                f"column {column!r} of {table_name} has lookup {each.lookup!r}; known: {known}"
                for column, each in table.columns.items()
                if each.lookup and each.lookup not in self.lookups
            ]
        return found

    def _wrong_unit_columns(self) -> list[str]:
        found = [
            f"lots.{name} has a unit_column but no quantity"
            for name, lot in self.lots.items()
            if lot.unit_column is not None and lot.quantity is None
        ]
        for table_name, table in self.tables.items():
            for column, entry in table.columns.items():
                at = f"column {column!r} of {table_name} has unit_column {entry.unit_column!r}"
                if entry.unit_column is not None and entry.unit_column not in table.columns:
                    found.append(f"{at}, which is none of {', '.join(table.columns)[:300]}")
                elif entry.unit_column is not None and entry.type not in ("integer", "decimal"):
                    found.append(f"{at}, but is no number")
                elif entry.unit_column is not None and entry.result_of is None:
                    text = "but is no result; the unit of a lot's quantity is named at the lot"
                    found.append(f"{at}, {text}")
        return found


@cache
def date_tokens(form: str) -> tuple[str, ...]:
    """Cut a date format into its tokens and the text between."""
    return tuple(re.findall(r"YYYY|YY|MON|MM|M|DD|D|hh|mm|ss|[^YMDhms]+|[hms]", form))


def fill(template: str, find: Callable[[str], str | None]) -> str:
    """Fill a template; raises KeyError with the column that has no value in this row.

    `find` gives the text of a column in the row, None where it has none.
    """
    pieces = list(_pieces(template))
    for place in range(1, len(pieces), 2):
        found = find(pieces[place])
        if found is None:
            raise KeyError(pieces[place])
        pieces[place] = found
    return "".join(pieces)


# The few templates of a mapping are filled for every row.
@cache
def _pieces(template: str) -> tuple[str, ...]:
    """Cut a template: what stands in it and the names of columns take turns."""
    return tuple(_FIELD.split(template))


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
