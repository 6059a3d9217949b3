"""Master data for the look-ups of a mapping, read once per load.

It must not know files.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.builtin.tabular.lookups import Entries
from qtcore.builtin.tabular.mapping import Lookup
from qtcore.builtin.tabular.mapping import Mapping as TableRules
from qtcore.errors import Fault
from qtcore.services.master import TABLES
from qtcore.services.site import Site

_OWN: Final = {"item": ("code", "name", "unit")}
_COLUMNS: Final = ("code", "name")


def lookup_faults(site: Site, rules: TableRules) -> list[Fault]:
    """Say which look-ups ask master data for something it does not have."""
    faults = []
    for name, each in rules.lookups.items():
        if each.master is None:
            continue
        accepted = [*_own(each.master), *site.registry.fields_of(each.master)]
        for place, asked in (("by", each.by), ("give", each.give)):
            if asked not in accepted:
                text = f"{each.master} has no {asked!r}; accepted: {', '.join(accepted)}"
                faults.append(Fault("QT726", text, f"/lookups/{name}/{place}"))
    return faults


def read_masters(site: Site, rules: TableRules) -> dict[str, Entries]:
    """Read the entries of every look-up that asks master data, by the name of the look-up."""
    with site.store.read() as session:
        return {
            name: _entries(session, site.store.tenant_id, each)
            for name, each in rules.lookups.items()
            if each.master is not None
        }


def _entries(session: Session, tenant_id: int, rules: Lookup) -> Entries:
    table: Any = TABLES[str(rules.master)]
    entries: Entries = {}
    for row in session.exec(select(table).where(table.tenant_id == tenant_id).order_by(table.id)):
        given = next(_values(row, rules.give, str(rules.master)), "")
        if given:
            for written in _values(row, rules.by, str(rules.master)):
                entries.setdefault(written, {})[given] = None
    return entries


def _values(row: Any, asked: str, entity: str) -> Iterator[str]:
    """List what an entry says: a name in each language, the others once; nothing when empty."""
    if asked == "name":
        yield from dict.fromkeys(each for each in (row.name, *row.names.values()) if each)
    elif asked in _own(entity):
        yield from filter(None, [str(getattr(row, asked))])
    elif row.extra.get(asked) not in (None, ""):
        yield str(row.extra[asked])


def _own(entity: str) -> tuple[str, ...]:
    return _OWN.get(entity, _COLUMNS)
