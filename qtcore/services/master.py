"""Master data: items, parties, places and equipment, made or changed by their code.

It must not know lots or events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.signs import find_unseen
from qtcore.errors import Fault, InputRejected, NotFound
from qtcore.services.form_values import read_fields
from qtcore.services.lengths import long_faults
from qtcore.services.site import UNKNOWN_PARTY, UNKNOWN_PLACE, Site
from qtcore.store.columns import first_value
from qtcore.store.ledger_rows import LONGEST_PRIVATE, Change, as_text
from qtcore.store.tables import Equipment, Item, Location, Party
from qtcore.store.unit import UnitOfWork

PERSONAL: Final = "contacts"
ITEM_KINDS = ("raw", "packaging", "intermediate", "bulk", "finished")
TABLES: Mapping[str, type[Item | Party | Location | Equipment]] = {
    "item": Item,
    "party": Party,
    "location": Location,
    "equipment": Equipment,
}


@dataclass(frozen=True, slots=True)
class MasterInput:
    """One entry: `code` is its key in the company, `values` its columns, `extra` pack fields."""

    entity: str
    code: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def find_master(session: Session, tenant_id: int, entity: str, code: str) -> Any | None:
    """Find an entry by its code."""
    table: Any = TABLES[entity]
    return session.exec(
        select(table).where(table.tenant_id == tenant_id, table.code == code)
    ).first()


def get_master(session: Session, tenant_id: int, entity: str, code: str) -> Any:
    """Get an entry by its code; raises NotFound with the nearest known ones."""
    found = find_master(session, tenant_id, entity, code)
    if found is None:
        table: Any = TABLES[entity]
        known = session.exec(
            select(table.code).where(table.tenant_id == tenant_id).order_by(table.code).limit(5)
        ).all()
        shown = ", ".join(known) or "none yet"
        raise NotFound(f"no {entity} {code!r}; known ones begin with: {shown}", code="QT404")
    return found


def save_master(site: Site, context: Context, entry: MasterInput) -> str:
    """Make an entry, or change the one with this code; returns its public id.

    Values that are equal to what is stored change nothing and write nothing.
    """
    entry = _checked(site, context, entry)
    with site.store.write(context) as work:
        return write_master(work, entry).uid  # type: ignore[no-any-return]


def write_master(work: UnitOfWork, entry: MasterInput) -> Any:
    """Make or change an entry inside a running unit of work."""
    found = find_master(work.session, work.tenant_id, entry.entity, entry.code)
    values = {**entry.values, "name": entry.name, "names": dict(entry.names)}
    if entry.extra:
        values["extra"] = dict(entry.extra)
    if found is not None:
        changed = {k: v for k, v in values.items() if getattr(found, k) != v}
        if changed:
            _log(work, "master.change", (entry.entity, found.uid), work.change(found, **changed))
        return found
    row: Any = TABLES[entry.entity](
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        code=entry.code,
        **values,
    )
    work.add(row)
    given = {
        name: (None, value)
        for name, value in {"code": entry.code, **values}.items()
        if value or value != first_value(TABLES[entry.entity], name)
    }
    _log(work, "master.create", (entry.entity, row.uid), given)
    return row


def _log(
    work: UnitOfWork, action: str, about: tuple[str, str], changes: Mapping[str, Change]
) -> None:
    """Tell each field; whom to call at a company is personal, so that it can be erased."""
    old, new = changes.get(PERSONAL, (None, None))
    work.log(
        action,
        *about,
        changes={name: pair for name, pair in changes.items() if name != PERSONAL},
        private={
            f"{when}_{PERSONAL}": as_text(value) or ""
            for when, value in (("old", old), ("new", new))
            if value
        },
    )


def _checked(site: Site, context: Context, entry: MasterInput) -> MasterInput:
    if entry.entity not in TABLES:
        raise InputRejected(f"no kind of master data {entry.entity!r}; there are {sorted(TABLES)}")
    extra, found = read_fields(site, context, entry.entity, entry.extra)
    faults = list(found)
    unseen = find_unseen(entry.code)
    if not entry.code.strip():
        faults.append(Fault("QT430", f"the {entry.entity} has no code; give one", "code"))
    elif unseen:
        text = f"the code {entry.code!r} holds {unseen}; leave it out"
        faults.append(Fault("QT430", text, "code"))
    if not entry.name.strip():
        faults.append(Fault("QT430", f"{entry.entity} {entry.code!r} has no name", "name"))
    told = {PERSONAL: as_text(entry.values.get(PERSONAL)) or ""}
    faults += long_faults(LONGEST_PRIVATE, **told)
    if entry.entity == "item":
        kind, unit = entry.values.get("kind", "raw"), entry.values.get("unit", "")
        if kind not in ITEM_KINDS:
            faults.append(Fault("QT431", f"item kind {kind!r} is none of {ITEM_KINDS}", "kind"))
        if unit and site.registry.unit(unit) is None:
            faults.append(Fault("QT432", f"unit {unit!r} is not declared in any pack", "unit"))
    if faults:
        raise InputRejected(f"{entry.entity} {entry.code!r} cannot be stored", faults)
    return replace(entry, extra=extra)


def ensure_unknowns(work: UnitOfWork) -> None:
    """Make the explicit unknown source and place, so that neither is ever null."""
    for entity, code in (("party", UNKNOWN_PARTY), ("location", UNKNOWN_PLACE)):
        if find_master(work.session, work.tenant_id, entity, code) is None:
            write_master(
                work,
                MasterInput(
                    entity, code, "Not recorded", {"en": "Not recorded", "zh-CN": "未记录"}
                ),
            )
