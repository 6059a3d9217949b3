"""What a property of a form's schema is: its kind, choices, widget and own keys.

It must not know values, labels or how a mistake is worded.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

from qtcore.definitions.schema_subset import DEFAULT_MAX_ITEMS
from qtcore.engines.forms.messages import find_catalogue

Evaluate = Callable[[str, Mapping[str, object]], bool | None]
"""Expression and facts -> true, false, or None when the facts do not suffice."""
Texts = Callable[[str], str]
"""Key inside the form (``fields.title``, ``choices.severity.major``, ``sections.event``) -> text,
empty when there is none."""

LONGEST_TEXT: Final = 10_000
_LONG_TEXT: Final = 300
_LOCAL: Final = "#/$defs/"
_DEEPEST: Final = 64
_UNITS: Final[Mapping[str, str]] = {
    "Cel": "°C",
    "[degF]": "°F",
    "ug": "µg",
    "um": "µm",
    "uL": "µL",
    "{rpm}": "rpm",
    "[pH]": "pH",
    "[CFU]": "CFU",
}
_STRING_WIDGETS: Final[Mapping[str, str]] = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object schema; `schema` holds no reference any more."""

    name: str
    schema: Mapping[str, Any]
    is_required: bool = False

    @property
    def kind(self) -> str:
        """The type without null; empty when the schema says none."""
        found = self.schema.get("type", "")
        names = found if isinstance(found, list | tuple) else (found,)
        return next((str(name) for name in names if name != "null"), "")

    @property
    def own(self) -> Mapping[str, Any]:
        """The keys under ``x-qt``."""
        return cast(Mapping[str, Any], self.schema.get("x-qt") or {})

    @property
    def format(self) -> str:
        """The format of a text, or nothing."""
        return str(self.schema.get("format", ""))

    @property
    def items(self) -> "Property":
        """The entries of a list, as a property of the same name."""
        return Property(self.name, self.schema.get("items") or {})

    @property
    def is_group(self) -> bool:
        """Say whether it holds fields of its own."""
        return self.kind == "object"

    @property
    def is_table(self) -> bool:
        """Say whether it is a list of rows."""
        return self.kind == "array" and self.items.is_group

    @property
    def is_read_only(self) -> bool:
        """Say whether only the product fills it."""
        return self.schema.get("readOnly") is True

    @property
    def most_items(self) -> int:
        """How many entries a list may have; a list without a limit has one all the same."""
        return int(self.schema.get("maxItems", DEFAULT_MAX_ITEMS))

    @property
    def unit(self) -> str:
        """The unit as people write it."""
        code = str(self.own.get("unit", ""))
        return _UNITS.get(code, code)

    @property
    def choices(self) -> tuple[object, ...]:
        """The values to choose from; empty when the value is free."""
        if "oneOf" in self.schema:
            return tuple(part.get("const") for part in self.schema["oneOf"])
        return tuple(value for value in self.schema.get("enum") or () if value is not None)

    @property
    def example(self) -> str:
        """An example to show in an empty field."""
        examples = self.schema.get("examples") or ()
        return as_typed(examples[0]) if examples else ""

    @property
    def widget(self) -> str:
        """How it is drawn. A boolean is a choice of yes and no: an untouched box is no answer."""
        wished = self.own.get("widget")
        natural = self._natural_widget()
        if wished in _REPLACEABLE.get(natural, ()):
            return str(wished)
        return natural

    def _natural_widget(self) -> str:
        if self.kind == "array":
            if self.is_table:
                return "table"
            return "multi" if self.items.choices else "list"
        if self.choices or self.kind == "boolean":
            return "choice"
        if self.own.get("entity"):
            return "entity"
        if self.kind == "string":
            is_long = int(self.schema.get("maxLength", 0)) >= _LONG_TEXT
            return _STRING_WIDGETS.get(self.format, "textarea" if is_long else "text")
        return {"integer": "number", "number": "decimal", "object": "group"}.get(self.kind, "text")


_REPLACEABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("textarea",),
    "textarea": ("text",),
    "choice": ("checkbox",),
    "entity": ("text",),
}


def read_properties(schema: Mapping[str, Any]) -> tuple[Property, ...]:
    """List the properties of an object schema in the order they are written."""
    required = schema.get("required") or ()
    return tuple(
        Property(name, part, name in required)
        for name, part in (schema.get("properties") or {}).items()
    )


def plain_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the schema without local references, numbers exact, in plain dicts and lists.

    ValueError when references go round in a circle; the check of definitions refuses those.
    """
    parts = schema.get("$defs") or {}
    body = {key: part for key, part in schema.items() if key != "$defs"}
    return cast(Mapping[str, Any], _plain(body, parts, 0))


def list_expressions(properties: tuple[Property, ...]) -> Iterator[str]:
    """Give the expressions of the fields of one object."""
    for each in properties:
        for key in ("visible", "required_when", "readonly_when"):
            if isinstance(each.own.get(key), str):
                yield each.own[key]


def as_typed(value: object) -> str:
    """Write a value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def label_of(texts: Texts, key: str, schema: Mapping[str, Any], name: str) -> str:
    """Find the label: the text, else the title of the schema, else the name in words."""
    words = name.replace("_", " ")
    return texts(key) or str(schema.get("title", "")) or words[:1].upper() + words[1:]


def choice_label(texts: Texts, each: Property, value: object, language: str) -> str:
    """Find the label of a choice: yes and no for a boolean, else the text, else the value."""
    if isinstance(value, bool):
        return find_catalogue(language)["yes" if value else "no"]
    titles = {part.get("const"): part.get("title") for part in each.schema.get("oneOf") or ()}
    typed = as_typed(value)
    return texts(f"choices.{each.name}.{typed}") or str(
        titles.get(value) or typed.replace("_", " ")
    )


def no_texts(_: str) -> str:
    """Stand for texts where there are none."""
    return ""


def _plain(value: Any, parts: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"the schema is deeper than {_DEEPEST} levels, or refers back to itself")
    if isinstance(value, Mapping):
        rest = {key: _plain(part, parts, depth + 1) for key, part in value.items() if key != "$ref"}
        named = str(value.get("$ref", "")).removeprefix(_LOCAL)
        if named in parts:
            return {**_plain(parts[named], parts, depth + 1), **rest}
        # A reference to anywhere else stays, and the validator refuses to follow it.
        return {**rest, "$ref": value["$ref"]} if "$ref" in value else rest
    if isinstance(value, list | tuple):
        return [_plain(part, parts, depth + 1) for part in value]
    # A limit that came as a binary number would make 4.35 no multiple of 0.01.
    return Decimal(repr(value)) if isinstance(value, float) else value
