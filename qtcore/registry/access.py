"""What roles, limits and veils name must exist, and a veil must leave somebody who may edit.

It must not decide anything about access; see `qtcore.engines.access`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qtcore.definitions.access import GROUPS, RIGHTS
from qtcore.definitions.fields import ENTITIES
from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.source import Path
from qtcore.registry.merge import Entry, Merged

_KINDS: Mapping[str, str] = {"record": "records", "event": "events"}


def check_role(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    """Find rights of a role that do not exist."""
    yield from _rights(merged, entry.definition.permissions, ("permissions",))


def check_limit(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    """Find roles, rights and states of a limit that do not exist, and limits that limit nothing."""
    limit = entry.definition
    yield from _roles(merged, limit.roles, ("roles",))
    yield from _rights(merged, limit.rights, ("rights",))
    if not limit.states and not limit.only:
        yield Mistake("QT112", f"limit {limit.id!r} limits nothing; give 'states' or 'only'", ())
    about = {right.partition(":")[2] for right in limit.rights if ":" in right}
    kinds = [kind for kind in about if kind in merged.entries["records"]]
    known = _states(merged, kinds)
    for number, state in enumerate(limit.states if known is not None else ()):
        if state not in (known or ()):
            yield unknown(state, known or (), "state", ("states", number))


def check_veil(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    """Find what a veil names and does not exist; who edits a field must see it."""
    veil = entry.definition
    yield from _roles(merged, veil.visible_to, ("visible_to",))
    yield from _roles(merged, veil.editable_by, ("editable_by",))
    for number, role in enumerate(veil.editable_by):
        if role not in veil.visible_to:
            message = f"role {role!r} may edit what it does not see; add it to 'visible_to'"
            yield Mistake("QT112", message, ("editable_by", number))
    prefix, _, kind = veil.of.partition(":")
    if prefix not in _KINDS:
        if veil.of not in ENTITIES:
            known = (*ENTITIES, "record:<kind>", "event:<type>")
            yield unknown(veil.of, known, "entity", ("of",))
        else:
            yield from _fields(merged.fields.get(veil.of, {}), veil.fields)
    elif kind not in merged.entries[_KINDS[prefix]]:
        yield unknown(kind, merged.ids(_KINDS[prefix]), prefix, ("of",))
    else:
        form = merged.find("forms", merged.find(_KINDS[prefix], kind).form or "")
        yield from _fields((form.schema_.get("properties") or {}) if form else {}, veil.fields)
    if veil.states:
        yield from _veil_states(merged, veil)


def _veil_states(merged: Merged, veil: Any) -> Iterator[Mistake]:
    prefix, _, kind = veil.of.partition(":")
    if prefix != "record":
        said = f"{veil.of!r} has no states of its own; 'states' belong to a veil over a record"
        yield Mistake("QT112", said, ("states",), on_key=True)
        return
    known = _states(merged, [kind] if kind in merged.entries["records"] else []) or ()
    for number, state in enumerate(veil.states if known else ()):
        if state not in known:
            yield unknown(state, known, "state", ("states", number))


def _states(merged: Merged, kinds: Iterable[str]) -> list[str] | None:
    """List the states of the life cycles of records; None when no kind is named."""
    found: list[str] | None = None
    for kind in kinds:
        flow = merged.find("workflows", merged.find("records", kind).workflow)
        if flow is not None:
            found = [*(found or ()), *(state.id for state in flow.all_states)]
    return found


def _fields(known: Iterable[str], fields: Iterable[str]) -> Iterator[Mistake]:
    names = sorted(known)
    for number, name in enumerate(fields):
        if name not in names:
            yield unknown(name, names, "field", ("fields", number))


def _roles(merged: Merged, roles: Iterable[str], path: Path) -> Iterator[Mistake]:
    for number, role in enumerate(roles):
        if role not in merged.entries["roles"]:
            yield unknown(role, merged.ids("roles"), "role", (*path, number))


def _rights(merged: Merged, rights: Iterable[str], path: Path) -> Iterator[Mistake]:
    for number, right in enumerate(rights):
        base, _, of = right.partition(":")
        if base not in RIGHTS and base not in GROUPS:
            yield unknown(base, [*RIGHTS, *sorted(GROUPS)], "right", (*path, number))
        elif of:
            kind = "events" if base == "event.record" else "records"
            is_narrowed = base == "event.record" or base.startswith("record.")
            if is_narrowed and of not in merged.entries[kind]:
                yield unknown(of, merged.ids(kind), kind.removesuffix("s"), (*path, number))
