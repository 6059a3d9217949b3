"""Whether a changed definition is looser than the one below it, part by part.

It must not know layers or what is mandatory. What it has no rule for counts as looser whenever it
differs from what was given below: a new key of a definition is safe before anybody thought of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from qtcore.definitions.definition import Definition
from qtcore.definitions.mistakes import shown
from qtcore.definitions.source import Path
from qtcore.registry.durations import shortest_first


class Loosening(NamedTuple):
    """One place where less is asked for than below; `said` completes "it ..."."""

    path: Path
    said: str


class Asked(NamedTuple):
    """An expression that must be at least as strict as the one below it.

    `is_reach` is for conditions of applicability: the new one must hold wherever the old one did.
    """

    path: Path
    below: str | None
    above: str | None
    is_reach: bool = False


Found = Iterator[Loosening | Asked]
Compare = Callable[[Any, Any, Path], Found]


@dataclass(frozen=True, slots=True)
class _Entries:
    """A list of entries with ids: none may be missing, each is compared with its own table."""

    table: Mapping[str, Any]
    added: Callable[[Mapping[str, Any], Sequence[Any], Path], Found] | None = None


def find_loosenings(kind: str, below: Definition, above: Definition) -> Found:
    """Find every place where `above` asks for less than `below`, and expressions to compare."""
    old, new = (each.model_dump(by_alias=True) for each in (below, above))
    yield from _compare({**_DEFINITION, **_KINDS.get(kind, {})}, old, new, ())


def _compare(table: Mapping[str, Any], old: Any, new: Any, path: Path) -> Found:
    for key, value in old.items():
        if key in ("replaces", "id"):
            continue
        yield from _apply(table.get(key, _unchanged), value, new.get(key), (*path, key))


def _apply(rule: Any, old: Any, new: Any, path: Path) -> Found:
    if isinstance(rule, _Entries):
        yield from _entries(rule, old or (), new or (), path)
    elif isinstance(rule, Mapping):
        if old and not new:
            yield Loosening(path, f"leaves out {path[-1]!r}")
        elif old:
            yield from _compare(rule, old, new, path)
    else:
        yield from rule(old, new, path)


def _entries(rule: _Entries, old: Sequence[Any], new: Sequence[Any], path: Path) -> Found:
    places = {entry["id"]: number for number, entry in enumerate(new)}
    for entry in old:
        place = places.get(entry["id"])
        if place is None:
            yield Loosening(path, f"leaves out {entry['id']!r} of {path[-1]!r}")
        else:
            yield from _compare(rule.table, entry, new[place], (*path, place))
    known = {entry["id"] for entry in old}
    for number, entry in enumerate(new):
        if entry["id"] not in known and rule.added is not None:
            yield from rule.added(entry, old, (*path, number))


# ------------------------------------------------------------------ rules for one value


def _unchanged(old: Any, new: Any, path: Path) -> Found:
    """Whatever was given must stay; what was left open may be given."""
    if old != new and old not in (None, (), [], {}, False, ""):
        yield Loosening(path, f"changes {path[-1]!r} from {_words(old)} to {_words(new)}")


def _fixed(old: Any, new: Any, path: Path) -> Found:
    if old != new:
        yield Loosening(path, f"changes {path[-1]!r} from {_words(old)} to {_words(new)}")


def _fewer(old: Any, new: Any, path: Path) -> Found:
    """A list of what is allowed may only become shorter; empty means everything."""
    extra = [each for each in new or () if each not in (old or ())]
    if old and not new:
        yield Loosening(path, f"leaves out {path[-1]!r}, which limits to {_words(old)}")
    elif extra and old:
        yield Loosening(path, f"adds {_words(extra)} to {path[-1]!r}")


def _subset(old: Any, new: Any, path: Path) -> Found:
    """A list of what may be done; empty means nothing."""
    extra = [each for each in new or () if each not in (old or ())]
    if extra:
        yield Loosening(path, f"adds {_words(extra)} to {path[-1]!r}")


def _more(old: Any, new: Any, path: Path) -> Found:
    """A list of what is demanded may only become longer."""
    gone = [each for each in old or () if each not in (new or ())]
    if gone:
        yield Loosening(path, f"takes {_words(gone)} out of {path[-1]!r}")


def _at_least(old: Any, new: Any, path: Path) -> Found:
    if old is not None and (new is None or new < old):
        yield Loosening(path, f"lowers {path[-1]!r} from {_words(old)} to {_words(new)}")


def _at_most(old: Any, new: Any, path: Path) -> Found:
    if old is not None and (new is None or new > old):
        yield Loosening(path, f"raises {path[-1]!r} from {_words(old)} to {_words(new)}")


def _starts_no_later(old: Any, new: Any, path: Path) -> Found:
    if new is not None and (old is None or new > old):
        yield Loosening(path, f"begins later: {path[-1]!r} is {new}, below {old or 'at once'}")


def _ends_no_earlier(old: Any, new: Any, path: Path) -> Found:
    if new is not None and (old is None or new < old):
        yield Loosening(path, f"ends earlier: {path[-1]!r} is {new}, below {old or 'never'}")


def _stays_true(old: Any, new: Any, path: Path) -> Found:
    if old and not new:
        yield Loosening(path, f"switches {path[-1]!r} off")


def _ranked(*strictest_first: str) -> Compare:
    def compare(old: Any, new: Any, path: Path) -> Found:
        order = list(strictest_first)
        if old in order and (new not in order or order.index(new) > order.index(old)):
            yield Loosening(path, f"lowers {path[-1]!r} from {old!r} to {_words(new)}")

    return compare


def _must_imply(old: Any, new: Any, path: Path) -> Found:
    if old is not None and old != new:
        yield Asked(path, old, new)


def _must_reach(old: Any, new: Any, path: Path) -> Found:
    if new is not None and old != new:
        yield Asked(path, old, new, is_reach=True)


def _no_later(old: Any, new: Any, path: Path) -> Found:
    if not shortest_first(new, old):
        yield Loosening(path, f"lengthens {path[-1]!r} from {_words(old)} to {_words(new)}")


def _deadlines(old: Any, new: Any, path: Path) -> Found:
    for name, length in (old or {}).items():
        given = (new or {}).get(name)
        if given is None:
            yield Loosening(path, f"leaves out the deadline of {name!r}")
        else:
            yield from _no_later(length, given, (*path, name))


def _words(value: Any) -> str:
    if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
        return ", ".join(map(repr, value))
    return "nothing" if value is None else shown(value)


def _widened(old: Any, new: Any, path: Path) -> Found:
    """A list of what it applies to may only become longer; empty means everything."""
    gone = [each for each in old or () if each not in (new or ())]
    if new and not old:
        yield Loosening(path, f"limits {path[-1]!r} to {_words(new)}")
    elif new and gone:
        yield Loosening(path, f"takes {_words(gone)} out of {path[-1]!r}")


def _sign(old: Any, new: Any, path: Path) -> Found:
    if new and not old:
        yield Loosening(path, "lets a role sign that could not")


# ------------------------------------------------------------------ JSON Schema of forms and fields


def _schema(old: Any, new: Any, path: Path) -> Found:
    """An object schema: every field stays, as strict as it was."""
    for name, part in (old.get("properties") or {}).items():
        inner = (*path, "properties", name)
        given = (new.get("properties") or {}).get(name)
        if given is None:
            yield Loosening((*path, "properties"), f"leaves out the field {name!r}")
        else:
            yield from _field(part, given, inner)
    yield from _more(old.get("required"), new.get("required"), (*path, "required"))
    rest = {key for key in old if key not in ("properties", "required", "title", "description")}
    for key in sorted(rest):
        yield from _unchanged(old[key], new.get(key), (*path, key))


def _field(old: Any, new: Any, path: Path) -> Found:
    for key in sorted({*old, *new} - {"title", "description", "examples", "default"}):
        at, before, after = (*path, key), old.get(key), new.get(key)
        if key in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
            yield from _at_least(before, after, at)
        elif key in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
            yield from _at_most(before, after, at)
        elif key == "enum":
            yield from _fewer(before, after, at)
        elif key == "items":
            yield from _field(before or {}, after or {}, at)
        elif key == "x-qt":
            yield from _own(before or {}, after or {}, at)
        elif key == "properties":
            yield from _schema({"properties": before or {}}, {"properties": after or {}}, path)
        else:
            yield from _unchanged(before, after, at)


def _own(old: Any, new: Any, path: Path) -> Found:
    for key in sorted({*old, *new} - {"help", "widget", "i18n", "offline"}):
        at, before, after = (*path, key), old.get(key), new.get(key)
        if key == "required_when":
            if before is not None and before != after:
                yield Asked(at, before, after or "false", is_reach=True)
        elif key == "visible":
            yield from _fixed(before, after, at)
        else:
            yield from _unchanged(before, after, at)


# ------------------------------------------------------------------ transitions


def _added_transition(entry: Mapping[str, Any], old: Sequence[Any], path: Path) -> Found:
    """A new way into a state must ask for what all ways into it have in common."""
    ways = [each for each in old if _targets(each) & _targets(entry)]
    if not ways:
        return
    for key in ("gate", "form", "guard"):
        common = {each.get(key) for each in ways}
        if len(common) == 1 and (wanted := common.pop()) and entry.get(key) != wanted:
            yield Loosening(path, f"is a way to {entry['to']!r} without the {key} {wanted!r}")
    for key in ("signature", "reason"):
        if all(each.get(key) for each in ways) and not entry.get(key):
            yield Loosening(path, f"is a way to {entry['to']!r} without a {key}")
    kept: Iterable[str] = set.intersection(*(set(each["not_same_as"]) for each in ways))
    rules: Iterable[str] = set.intersection(*(set(each.get("rules") or ()) for each in ways))
    for name in sorted(set(rules) - set(entry.get("rules") or ())):
        yield Loosening(path, f"is a way to {entry['to']!r} without the rule {name!r}")
    for name in sorted(set(kept) - set(entry["not_same_as"])):
        yield Loosening(path, f"is a way to {entry['to']!r} by the person of {name!r}")


def _targets(entry: Mapping[str, Any]) -> frozenset[str]:
    to = entry["to"]
    return frozenset((to,) if isinstance(to, str) else to)


_DEFINITION: Final[Mapping[str, Any]] = {
    "source": {},
    "mandatory": _stays_true,
    "valid_from": _starts_no_later,
    "valid_to": _ends_no_earlier,
}
_SIGNATURE: Final[Mapping[str, Any]] = {
    "profile": _ranked("strict", "session", "simple"),
    "roles": _fewer,
    "training": _more,
}
_TRANSITION: Final[Mapping[str, Any]] = {
    "from": _subset,
    "to": _fixed,
    "roles": _fewer,
    "guard": _must_imply,
    "reason": _stays_true,
    "signature": _SIGNATURE,
    "not_same_as": _more,
    "needs_signed": _more,
    "rules": _more,
    "automatic": _fixed,
    "when_done": _fixed,
    "internal": _fixed,
    "effects": _more,
}
_STATE: Final[Mapping[str, Any]] = {"may": _subset, "final": _stays_true}
_CHARACTERISTIC: Final[Mapping[str, Any]] = {
    "lower": _at_least,
    "upper": _at_most,
    "accept": _fewer,
    "required": _stays_true,
    "critical": _stays_true,
}
_NODE: Final[Mapping[str, Any]] = {
    "due": _deadlines,
    "repeat": _deadlines,
    "when": _must_reach,
    "evidence": _more,
    "order": lambda old, new, path: iter(()),
}
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "rules": {
        "check": _must_imply,
        "when": _must_reach,
        "severity": _ranked("block", "block_override", "warn", "info"),
        "industries": _widened,
    },
    "workflows": {
        "states": _Entries(_STATE),
        "transitions": _Entries(_TRANSITION, _added_transition),
        "timers": _more,
        "verify": _Entries({}),
    },
    "forms": {"schema": _schema, "layout": lambda old, new, path: iter(())},
    "fields": {
        "properties": lambda old, new, path: _schema(
            {"properties": old}, {"properties": new}, path[:-1]
        ),
        "required": _more,
    },
    "records": {"roles": _fewer},
    "events": {"roles": _fewer},
    "policies": {
        "version": lambda old, new, path: iter(()),
        "profiles": _more,
        "accept": _stays_true,
        "identified": _stays_true,
        "second_factor": _stays_true,
        "two_administrators": _stays_true,
        "assigned_training": _stays_true,
        "password_days": _at_most,
        "session_minutes": _at_most,
    },
    "roles": {"permissions": _subset, "may_sign": _sign},
    "limits": {"roles": _more, "rights": _more, "states": _fewer, "only": _more},
    "veils": {
        "of": _fixed,
        "fields": _more,
        "visible_to": _subset,
        "editable_by": _subset,
        "states": _widened,
    },
    "specs": {
        "characteristics": _Entries(_CHARACTERISTIC),
        "items": _widened,
        "kinds": _widened,
    },
    "recalls": {
        "classes": _Entries({}),
        "nodes": _Entries(_NODE),
        "effectiveness": _Entries({"percent": _at_least}),
    },
}
