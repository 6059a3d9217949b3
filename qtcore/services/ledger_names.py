"""What the entries of the history are about, in the words of the plant: numbers, logins, codes.

It must not tell the number of what a person may not read; such a thing keeps its public id.
"""

from collections.abc import Sequence
from typing import Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.services.rights import require
from qtcore.services.sight import keep_read, keep_seen
from qtcore.services.site import Site
from qtcore.store.queries.ledger import LedgerRow
from qtcore.store.queries.ledger_things import KnownThing, name_uids
from qtcore.store.queries.nodes import describe_nodes

# An event may tell of thousands of lots; a row names this many of them.
MOST_NAMED: Final = 3
_TRACED: Final = frozenset({"lot", "unit", "logistic_unit"})


def name_subjects(
    site: Site, context: Context, rows: Sequence[LedgerRow]
) -> dict[int, list[KnownThing]]:
    """Name what each entry is about, by its number: its object, else what else it tells of."""
    require(site, context, "ledger.read")
    asked = {row.number: [row.object_uid, *_also_about(row)] for row in rows}
    with site.store.read() as session:
        found = name_uids(
            session, site.store.tenant_id, [uid for uids in asked.values() for uid in uids if uid]
        )
        known = {each.uid: each for each in _readable(site, context, session, found)}
    named = {number: [known[uid] for uid in uids if uid in known] for number, uids in asked.items()}
    return {
        row.number: [each for each in named[row.number] if each.uid == row.object_uid]
        or named[row.number]
        for row in rows
    }


def _also_about(row: LedgerRow) -> list[str]:
    return [uid for uid in row.head.get("about", ()) if uid != row.object_uid][:MOST_NAMED]


def _readable(
    site: Site, context: Context, session: Session, found: Sequence[KnownThing]
) -> list[KnownThing]:
    """Leave out lots and records that this person may not read."""
    traced = [each for each in found if each.group in _TRACED]
    records = [each for each in found if each.group == "record"]
    read = {each.uid for each in keep_read(site, context, session, records)}
    if traced and not site.registry.policy.is_open(context.actor, "lot.read"):
        infos = describe_nodes(session, site.store.tenant_id, [each.id for each in traced])
        read |= {info.uid for info in keep_seen(site, context, session, infos.values())}
    else:
        read |= {each.uid for each in traced}
    return [each for each in found if each.uid in read or each.group not in {*_TRACED, "record"}]
