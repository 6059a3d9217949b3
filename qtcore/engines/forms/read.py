"""What was submitted for a form, turned into typed values, or into every mistake in it.

It must not know pages or records. Texts of a page and JSON are read by the same rules, so that what
is accepted at a desk is accepted everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, Final

from qtcore.definitions.forms import Section
from qtcore.definitions.problems import suggest
from qtcore.engines.forms.check import check_object
from qtcore.engines.forms.fields import (
    Evaluate,
    Property,
    Texts,
    as_typed,
    choice_label,
    label_of,
    list_expressions,
    no_texts,
    plain_schema,
    read_properties,
)
from qtcore.engines.forms.messages import (
    Complaint,
    code_of,
    find_catalogue,
    word_complaint,
)
from qtcore.engines.forms.typed import is_empty, read_typed
from qtcore.errors import Fault

_NOTHING: Final[Mapping[str, object]] = {}
_MOST_LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Read:
    """The typed values of a form and every mistake; with faults the values are incomplete.

    Numbers are Decimal with the digits as typed, whole numbers int, dates and times of their type,
    lists tuples, rows dicts. Only what was entered is there. `cleared` names fields that were
    sent empty, or hold nothing because they are hidden.
    """

    values: Mapping[str, object]
    faults: tuple[Fault, ...] = ()
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the conditions of a form are judged on: the evaluator, and facts besides the values."""

    evaluate: Evaluate | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def holds(self, expression: object, values: Mapping[str, object]) -> bool | None:
        """Evaluate one condition; None when it cannot be decided."""
        if not isinstance(expression, str):
            return None
        if self.evaluate is None:
            raise ValueError(f"the form has the condition {expression!r}; hand in `evaluate`")
        return self.evaluate(expression, {**self.facts, **values})


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is the same for all fields of one object of the form."""

    language: str
    texts: Texts
    zone: tzinfo | None
    conditions: Conditions
    current: Mapping[str, object] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    path: tuple[str | int, ...] = ()
    keys: str = "fields"
    row: tuple[str, int] | None = None

    def label(self, each: Property) -> str:
        label = label_of(self.texts, f"{self.keys}.{each.name}", each.schema, each.name)
        if self.row is None:
            return label
        table, number = self.row
        words = find_catalogue(self.language)["row"]
        return words.format(label=label, table=table, row=number)

    def inside(self, each: Property, values: Mapping[str, object], row: int | None) -> "_Scope":
        """Go into a group, or into one row of a table."""
        facts = {**self.conditions.facts, **values}
        return replace(
            self,
            conditions=replace(self.conditions, facts=facts),
            current=_NOTHING,
            hidden=frozenset(),
            path=(*self.path, each.name) if row is None else (*self.path, each.name, row),
            keys=f"{self.keys}.{each.name}",
            row=None if row is None else (self.label(each), row + 1),
        )


def read_values(
    schema: Mapping[str, Any],
    submitted: Mapping[str, object],
    language: str = "en",
    *,
    layout: Sequence[Section] = (),
    texts: Texts = no_texts,
    evaluate: Evaluate | None = None,
    facts: Mapping[str, object] = _NOTHING,
    current: Mapping[str, object] = _NOTHING,
    zone: tzinfo | None = None,
) -> Read:
    """Read what was submitted for a form whose schema passed the check.

    `submitted` holds all fields that are entered, nested for groups and tables (see
    `nest_submitted`). `evaluate` is needed when the form has conditions; `facts` are what they may
    speak of besides the values. `current` are the stored values (see `from_json_values`): fields
    that only the product fills keep them, and conditions of read-only fields are judged on them.
    `zone` is that of times without one.
    """
    plain = plain_schema(schema)
    conditions = Conditions(evaluate, facts)
    scope = _Scope(language, texts, zone, conditions, current)
    reader = _ObjectReader(plain, scope, tuple(layout))
    return reader.read(submitted)


class _ObjectReader:
    """Reads one object: the form, a group in it, or one row of a table."""

    def __init__(
        self, schema: Mapping[str, Any], scope: _Scope, layout: tuple[Section, ...] = ()
    ) -> None:
        self._properties = {each.name: each for each in read_properties(schema)}
        self._dependent = schema.get("dependentRequired") or {}
        self._scope = scope
        self._layout = layout
        self._values: dict[str, object] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._cleared: dict[str, None] = {}

    def read(self, submitted: Mapping[str, object]) -> Read:
        """Read all fields, then check them together."""
        for name, each in self._properties.items():
            self._read_plain(each, submitted.get(name), name in submitted)
        for each in self._properties.values():
            self._read_nested(each, submitted.get(each.name))
        hidden = self._drop_hidden()
        for finding in check_object(
            self._properties, self._values, self._required(hidden), self._dependent
        ):
            name = str(finding.path[0])
            is_settled = (
                name in hidden or name in self._faults or self._properties[name].is_read_only
            )
            if not is_settled:
                self._complain(self._properties[name], finding.complaint, finding.path[1:])
        ordered = [fault for name in self._properties for fault in self._faults.get(name, ())]
        return Read(self._values, (*ordered, *self._unknown(submitted)), tuple(self._cleared))

    def _read_plain(self, each: Property, raw: object, is_sent: bool) -> None:
        if self._is_nested(each):
            return
        if self._is_locked(each):
            self._keep_current(each, raw)
        elif is_empty(raw):
            if is_sent:
                self._cleared[each.name] = None
        else:
            self._take(each, read_typed(each, raw, self._scope.zone))

    def _read_nested(self, each: Property, raw: object) -> None:
        if not self._is_nested(each) or is_empty(raw):
            return
        if self._is_locked(each):
            self._complain(each, Complaint("readOnly"))
        elif each.is_group:
            self._read_group(each, raw)
        else:
            self._read_rows(each, raw)

    def _read_group(self, each: Property, raw: object) -> None:
        if not isinstance(raw, Mapping):
            self._complain(each, Complaint("type.object", {"found": raw}))
            return
        self._take_nested(each, self._inner(each, None).read(raw))

    def _read_rows(self, each: Property, raw: object) -> None:
        if not isinstance(raw, list | tuple):
            self._complain(each, Complaint("type.array", {"found": raw}))
            return
        if len(raw) > each.most_items:
            details = {"count": len(raw), "limit": each.most_items}
            self._complain(each, Complaint("maxItems", details))
            return
        rows: list[Mapping[str, object]] = []
        for number, part in enumerate(raw):
            if isinstance(part, Mapping):
                rows.append(self._take_row(each, number, part))
            else:
                self._complain(each, Complaint("type.object", {"found": part}), (number,))
        self._values[each.name] = tuple(rows)

    def _take_row(
        self, each: Property, number: int, part: Mapping[str, object]
    ) -> Mapping[str, object]:
        read = self._inner(each, number).read(part)
        if read.faults:
            self._faults.setdefault(each.name, []).extend(read.faults)
        return read.values

    def _inner(self, each: Property, row: int | None) -> "_ObjectReader":
        schema = each.schema if row is None else each.items.schema
        return _ObjectReader(schema, self._scope.inside(each, self._values, row))

    def _take_nested(self, each: Property, read: Read) -> None:
        if read.values:
            self._values[each.name] = read.values
        if read.faults:
            self._faults.setdefault(each.name, []).extend(read.faults)

    def _take(self, each: Property, found: object) -> None:
        if isinstance(found, Complaint):
            self._complain(each, found)
        else:
            self._values[each.name] = found

    def _keep_current(self, each: Property, raw: object) -> None:
        """Keep what is stored; sending it back unchanged is no attempt to change it."""
        kept = self._scope.current.get(each.name)
        if not is_empty(kept):
            self._take(each, read_typed(each, kept, self._scope.zone))
        is_same = raw == kept or (isinstance(raw, str) and raw.strip() == as_typed(kept))
        if not is_empty(raw) and not is_same:
            self._complain(each, Complaint("readOnly"))

    def _drop_hidden(self) -> frozenset[str]:
        """Clear hidden fields, which may hide others in turn, until nothing changes."""
        hidden: frozenset[str] = frozenset()
        for _ in range(len(self._properties) + 1):
            found = frozenset(self._find_hidden()) | hidden
            for name in found - hidden:
                self._faults.pop(name, None)
                is_kept = self._properties[name].own.get("on_hide") == "keep"
                if not is_kept and self._values.pop(name, None) is not None:
                    self._cleared[name] = None
            if found == hidden:
                break
            hidden = found
        return hidden

    def _find_hidden(self) -> Iterator[str]:
        for each in self._properties.values():
            if self._scope.conditions.holds(each.own.get("visible"), self._values) is False:
                yield each.name
        for section in self._layout:
            if self._scope.conditions.holds(section.visible, self._values) is False:
                yield from (name for name in section.fields if name in self._properties)

    def _required(self, hidden: frozenset[str]) -> frozenset[str]:
        wanted = {each.name for each in self._properties.values() if self._is_required(each)}
        return frozenset(wanted - hidden)

    def _is_required(self, each: Property) -> bool:
        if each.is_read_only:
            return False
        wish = each.own.get("required_when")
        return each.is_required or self._scope.conditions.holds(wish, self._values) is True

    def _is_locked(self, each: Property) -> bool:
        wish = each.own.get("readonly_when")
        # Judged on what is stored: what is sent could otherwise unlock a field.
        return each.is_read_only or self._scope.conditions.holds(wish, self._scope.current) is True

    def _is_nested(self, each: Property) -> bool:
        return each.is_group or each.is_table

    def _unknown(self, submitted: Mapping[str, object]) -> Iterator[Fault]:
        known = list(self._properties)
        for name in submitted:
            if name in self._properties:
                continue
            near = suggest(name, known)
            details = {"name": name, "near": near, "known": _listed(known)}
            complaint = Complaint("unknown.near" if near else "unknown", details)
            yield self._fault(complaint, "", (str(name),))

    def _complain(
        self, each: Property, complaint: Complaint, below: tuple[str | int, ...] = ()
    ) -> None:
        label = self._scope.label(each)
        if complaint.key == "enum":
            complaint = self._with_choices(each.items if below else each, complaint)
        fault = self._fault(complaint, label, (each.name, *below))
        self._faults.setdefault(each.name, []).append(fault)

    def _with_choices(self, each: Property, complaint: Complaint) -> Complaint:
        labels = {
            as_typed(value): choice_label(self._scope.texts, each, value, self._scope.language)
            for value in each.choices
        }
        near = suggest(complaint.details["found"], (*labels, *labels.values()))
        details = {**complaint.details, "near": labels.get(near, near)}
        if near:
            return Complaint("enum.near", details)
        return Complaint("enum", {**details, "choices": _listed(list(labels.values()))})

    def _fault(self, complaint: Complaint, label: str, below: tuple[str | int, ...]) -> Fault:
        where = "/".join(str(part) for part in (*self._scope.path, *below))
        return Fault(
            code_of(complaint), word_complaint(complaint, label, self._scope.language), where
        )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:_MOST_LISTED]) + (" …" if len(words) > _MOST_LISTED else "")


def has_conditions(schema: Mapping[str, Any], layout: Sequence[Section] = ()) -> bool:
    """Say whether a form can be read only with an evaluator."""
    properties = read_properties(plain_schema(schema))
    return any(list_expressions(properties)) or any(section.visible for section in layout)
