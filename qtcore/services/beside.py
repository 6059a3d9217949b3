"""What stands beside a proof: cosignatures, time stamps, changes of keys, the log of the instance.

It must not know the events that are proven.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session

from qtcore.engines.ledger import StoredCheckpoint, inclusion_path
from qtcore.services.stamping import list_stamps
from qtcore.store.columns import table_of
from qtcore.store.key_changes import list_key_notes
from qtcore.store.proofs import Place, find_checkpoint, read_subtrees
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.sealing import INSTANCE
from qtcore.store.tables import LedgerCosignature, LedgerRoot

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
    place = next((seq for (seq,) in rows_for(session, _places, tenant, [size])), None)
    state = find_checkpoint(session, INSTANCE)
    if place is None or state is None:
        return ()  # signed by a release that kept no such log
    wanted: set[Place] = set()

    def note(level: int, index: int) -> bytes:
        wanted.add((level, index))
        return bytes(32)

    inclusion_path(place, state.size, note)
    kept = read_subtrees(session, INSTANCE, wanted)
    path = inclusion_path(place, state.size, lambda level, index: kept[level, index])
    hashes = [base64.b64encode(each).decode() for each in path]
    return ({"checkpoint": state.note, "seq": place, "inclusion": hashes},)


@cache
def _cosigned(dialect: str) -> Select[Any]:
    found = select(_COSIGNATURE.c.witness, _COSIGNATURE.c.size, _COSIGNATURE.c.line)
    asked = among(dialect, _COSIGNATURE.c.size)
    return found.where(_COSIGNATURE.c.tenant_id == TENANT, asked, _COSIGNATURE.c.line != "")


@cache
def _places(dialect: str) -> Select[Any]:
    return select(_ROOT.c.seq).where(_ROOT.c.tenant_id == TENANT, among(dialect, _ROOT.c.size))
