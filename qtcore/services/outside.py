"""What lies around one company's history and has to fit it: the instance's log, witnesses' copies.

It must not read the contents of events, nor tell a witness anything.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from qtcore.engines.ledger import HistoryProblem, Trust, leaf_hash, open_note, read_checkpoint
from qtcore.engines.ledger.cosign import check_cosignature
from qtcore.engines.ledger.note import NoteError
from qtcore.engines.ledger.tree import EMPTY_TREE, Growing
from qtcore.errors import QTCoreError
from qtcore.services.site import Site
from qtcore.services.witnessing import newest_in_folder
from qtcore.store.columns import table_of
from qtcore.store.outposts import WitnessFolder
from qtcore.store.proofs import note_body
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.sealing import INSTANCE, current_origin, read_frontier
from qtcore.store.tables import LedgerCheckpoint, LedgerCosignature, LedgerRoot

_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_COSIGNATURE: Final = table_of(LedgerCosignature)
_ROOT: Final = table_of(LedgerRoot)


def check_outside(site: Site, trust: Trust) -> tuple[HistoryProblem, ...]:
    """Find where the instance's log, a cosignature or a witness folder does not fit the history."""
    with site.store.read() as session:
        return (
            *_check_instance(session, site, trust),
            *_check_cosignatures(session, site),
            *(
                problem
                for folder in site.outposts.folders
                for problem in check_folder(session, site, trust, folder)
            ),
        )


def check_folder(
    session: Session, site: Site, trust: Trust, folder: WitnessFolder
) -> Iterator[HistoryProblem]:
    """Compare the newest state that a witness folder keeps with the tree."""
    tenant = site.store.tenant_id
    file = newest_in_folder(folder, current_origin(session, site.store, site.signer))
    if file is None:
        return
    sealed = sealed_up_to(session, tenant)
    known = (*trust.keys, *(each.key for each in trust.retired))
    try:
        kept = read_checkpoint(open_note(file.read_text(encoding="utf-8"), known).body)
        ours = read_frontier(session, tenant, min(kept.size, sealed)).root
    except (OSError, NoteError, QTCoreError, UnicodeDecodeError) as exc:
        said = f"the newest note in {folder.name} cannot be used: {exc}"
        yield HistoryProblem("BAD_SIGNATURE", None, said)
        return
    if kept.size > sealed:
        said = f"{folder.name} has seen {kept.size} events, {sealed} are here"
        yield HistoryProblem("SHORTER_THAN_WITNESS", sealed, said)
    elif kept.root != ours:
        said = f"{folder.name} has seen another root of {kept.size} events"
        yield HistoryProblem("ROOT_FORK", kept.size - 1, said)


def _check_cosignatures(session: Session, site: Site) -> Iterator[HistoryProblem]:
    """Check every cosignature of a witness we know against the checkpoint it stands beside."""
    keys = {server.name: server.key for server in site.outposts.servers}
    tenant = site.store.tenant_id
    rows = session.execute(
        select(_COSIGNATURE.c.size, _COSIGNATURE.c.witness, _COSIGNATURE.c.line, _CHECKPOINT.c.note)
        .outerjoin_from(
            _COSIGNATURE,
            _CHECKPOINT,
            (_CHECKPOINT.c.tenant_id == _COSIGNATURE.c.tenant_id)
            & (_CHECKPOINT.c.size == _COSIGNATURE.c.size),
        )
        .where(_COSIGNATURE.c.tenant_id == tenant, _COSIGNATURE.c.witness.in_(keys))
        .order_by(_COSIGNATURE.c.size)
    )
    for size, witness, line, note in rows:
        try:
            if note is None:
                raise NoteError(f"there is no checkpoint of {size} events any more")
            check_cosignature(note_body(note), line, keys[witness])
        except NoteError as exc:
            said = f"witness {witness} has seen another state of {size} events: {exc}"
            yield HistoryProblem("ROOT_FORK", size - 1, said)


def _check_instance(session: Session, site: Site, trust: Trust) -> Iterator[HistoryProblem]:
    """Grow the instance's log anew from all checkpoints, and compare it with what was signed."""
    notes = {
        (row.tenant_id, row.size): row.note
        for row in session.execute(
            select(_CHECKPOINT.c.tenant_id, _CHECKPOINT.c.size, _CHECKPOINT.c.note)
        )
    }
    told = session.execute(
        select(_ROOT.c.tenant_id, _ROOT.c.size, _ROOT.c.seq).order_by(_ROOT.c.seq)
    ).all()
    tree, roots = Growing(EMPTY_TREE), {0: Growing(EMPTY_TREE).root}
    for place, row in enumerate(told):
        note = notes.get((row.tenant_id, row.size))
        if row.seq != place or note is None:
            said = f"the log of the instance has no checkpoint at its place {place}"
            yield HistoryProblem("NOT_IN_INSTANCE", None, said)
            return
        tree.append(leaf_hash(note_body(note).encode()))
        roots[tree.size] = tree.root
    listed = {(row.tenant_id, row.size) for row in told}
    # A company may have states from before the instance had a log.
    first = {row.tenant_id: row.size for row in reversed(told)}
    for (tenant, size), note in sorted(notes.items()):
        if size > first.get(tenant, size) and (tenant, size) not in listed:
            said = f"the checkpoint of {size} events stands in no log of the instance"
            yield HistoryProblem("NOT_IN_INSTANCE", max(size - 1, 0), said)
        if tenant == INSTANCE and (fault := _fault_of(note, size, roots, trust)):
            yield HistoryProblem("NOT_IN_INSTANCE", None, fault)
            return


def _fault_of(note: str, size: int, roots: dict[int, bytes], trust: Trust) -> str:
    try:
        known = (*trust.keys, *(each.key for each in trust.retired))
        state = read_checkpoint(open_note(note, known).body)
    except NoteError as exc:
        return f"the log of the instance of {size} checkpoints is not signed: {exc}"
    if (state.size, state.root) != (size, roots.get(size)):
        return f"the first {size} checkpoints of the instance are not those that were signed"
    return ""
