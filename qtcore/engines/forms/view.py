"""A form ready to be drawn: sections and fields as frozen data, with nothing left to decide.

It must not know HTML, schemas or how a value was checked.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: what is sent, what is read, and whether it is chosen."""

    value: str
    label: str
    is_selected: bool = False


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field.

    `name` is sent by the page and named by faults; `id` is fit for HTML. `widget`: text, textarea,
    number (whole), decimal, date, datetime, time, checkbox, choice, multi (several of `choices`),
    list (one entry per line of `value`), entity (look up `entity`), table (`rows` of fields, with
    `spare` as one empty row and the heads), group (`fields`). `value` is as typed. The expressions
    of the form are given for scripts of the page; `is_visible` is what they say now;
    `required_when` is empty when it is required anyway. `is_kept`: its value counts while hidden.
    """

    name: str
    id: str
    label: str
    widget: str
    value: str = ""
    values: tuple[str, ...] = ()
    is_checked: bool = False
    is_required: bool = False
    is_read_only: bool = False
    is_visible: bool = True
    is_critical: bool = False
    help: str = ""
    unit: str = ""
    error: str = ""
    placeholder: str = ""
    entity: str = ""
    choices: tuple[Choice, ...] = ()
    decimals: int | None = None
    minimum: str = ""
    maximum: str = ""
    max_length: int | None = None
    fields: tuple["FieldView", ...] = ()
    rows: tuple[tuple["FieldView", ...], ...] = ()
    spare: tuple["FieldView", ...] = ()
    visible_when: str = ""
    required_when: str = ""
    is_kept: bool = False

    def walk(self) -> Iterator["FieldView"]:
        """Visit this field and all fields in it."""
        yield self
        for part in (*self.fields, *(field for row in self.rows for field in row)):
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class SectionView:
    """A titled group of fields; without a title it holds what no section names."""

    id: str
    title: str
    fields: tuple[FieldView, ...]
    is_visible: bool = True
    visible_when: str = ""


@dataclass(frozen=True, slots=True)
class FormError:
    """A line of the summary: the words, and the id of the field they link to, when there is one."""

    message: str
    field_id: str = ""


@dataclass(frozen=True, slots=True)
class FormView:
    """A form: its sections in order, and all errors for the summary on top."""

    sections: tuple[SectionView, ...]
    errors: tuple[FormError, ...] = ()

    def field(self, name: str) -> FieldView:
        """Get a field by the name it is sent under; KeyError when there is none."""
        found = next((each for each in self._walk() if each.name == name), None)
        if found is None:
            raise KeyError(f"the form draws no field {name!r}")
        return found

    def _walk(self) -> Iterator[FieldView]:
        for section in self.sections:
            for each in section.fields:
                yield from each.walk()
