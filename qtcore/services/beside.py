"""What stands beside a proof: cosignatures, time stamps, changes of keys, the log of the instance.

It must not know the events that are proven.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Select, bindparam, select
from sqlmodel import Session

from qtcore.engines.ledger import StoredCheckpoint, inclusion_ranges
from qtcore.services.stamping import list_stamps
from qtcore.store.columns import table_of
from qtcore.store.key_changes import list_key_notes
from qtcore.store.proofs import read_paths
from qtcore.store.queries.keyset import TENANT, among, reader, rows_for
from qtcore.store.sealing import INSTANCE
from qtcore.store.tables import LedgerCheckpoint, LedgerCosignature, LedgerRoot

_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_COSIGNATURE: Final = table_of(LedgerCosignature)
_ROOT: Final = table_of(LedgerRoot)


@dataclass(frozen=True, slots=True)
class Beside:
    """What others have signed about the states of a proof file."""

    key_changes: tuple[str, ...]
    stamps: tuple[Mapping[str, Any], ...]
    instance: tuple[Mapping[str, Any], ...]
    lines: Mapping[int, tuple[str, ...]]

    def cosigned(self, state: StoredCheckpoint) -> str:
        """Give a note with the lines of the witnesses below it."""
        return state.note + "".join(self.lines.get(state.size, ()))


def read_beside(session: Session, tenant: int, sizes: set[int]) -> Beside:
    """Read what stands beside checkpoints of these sizes."""
    rows = sorted(rows_for(session, _cosigned, tenant, sizes))
    lines: dict[int, tuple[str, ...]] = {}
    for _, size, line in rows:
        lines[size] = (*lines.get(size, ()), line)
    return Beside(
        list_key_notes(session, tenant),
        tuple(list_stamps(session, tenant, sizes)),
        _instance(session, tenant, max(sizes)),
        lines,
    )


def _instance(session: Session, tenant: int, size: int) -> tuple[Mapping[str, Any], ...]:
    """Prove that a company's checkpoint stands in the log of the instance."""
    asked = {"tenant": tenant, "size": size, "instance": INSTANCE}
    found = reader(session).execute(_PLACE, asked).first()
    if found is None:
        return ()  # signed by a release that kept no such log
    place, whole, note = found
    (path,) = read_paths(session, INSTANCE, [inclusion_ranges(place, whole)])
    hashes = [base64.b64encode(each).decode() for each in path]
    return ({"checkpoint": note, "seq": place, "inclusion": hashes},)


@cache
def _cosigned(dialect: str) -> Select[Any]:
    found = select(_COSIGNATURE.c.witness, _COSIGNATURE.c.size, _COSIGNATURE.c.line)
    asked = among(dialect, _COSIGNATURE.c.size)
    return found.where(_COSIGNATURE.c.tenant_id == TENANT, asked, _COSIGNATURE.c.line != "")


# Where a company's state stands in the log of the instance, and the newest state of that log.
_PLACE: Final = (
    select(_ROOT.c.seq, _CHECKPOINT.c.size, _CHECKPOINT.c.note)
    .select_from(_ROOT.join(_CHECKPOINT, _CHECKPOINT.c.tenant_id == bindparam("instance")))
    .where(_ROOT.c.tenant_id == TENANT, _ROOT.c.size == bindparam("size", type_=BigInteger))
    .order_by(_CHECKPOINT.c.size.desc())
    .limit(1)
)
