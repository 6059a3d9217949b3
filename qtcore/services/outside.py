"""What lies around one company's history and has to fit it: the instance's log, witnesses, stamps.

It must not read the contents of events, nor tell a witness anything.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, select
from sqlmodel import Session

from qtcore.engines.ledger import HistoryProblem, Trust, leaf_hash, open_note, read_checkpoint
from qtcore.engines.ledger.cosign import check_cosignature
from qtcore.engines.ledger.note import NoteError
from qtcore.engines.ledger.tree import EMPTY_TREE, Growing
from qtcore.errors import QTCoreError
from qtcore.services.sealing import aware
from qtcore.services.site import Site
from qtcore.services.stamping import StampRefused, check_known_stamp
from qtcore.services.witnessing import Folder, kept_sizes, read_folder
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.key_changes import NEXT_KEY, list_key_notes
from qtcore.store.outposts import StampAuthority, WitnessFolder
from qtcore.store.proofs import note_body
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.sealing import INSTANCE, current_origin, read_frontier
from qtcore.store.tables import LedgerCheckpoint, LedgerCosignature, LedgerRoot, LedgerStamp

_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_COSIGNATURE: Final = table_of(LedgerCosignature)
_ROOT: Final = table_of(LedgerRoot)
_STAMP: Final = table_of(LedgerStamp)


def check_outside(
    session: Session, site: Site, trust: Trust, *, asks_folders: bool = True
) -> Iterator[HistoryProblem]:
    """Find where what others signed or keep does not fit the history.

    A copy that nobody serves is older than what folders keep: it does not ask them.
    """
    yield from _check_instance(session, site, trust)
    yield from _check_cosignatures(session, site)
    yield from _check_key_changes(session, site)
    for authority in site.outposts.authorities:
        yield from _check_stamps(session, site, authority)
    for folder in site.outposts.folders if asks_folders else ():
        yield from _check_lines(session, site, folder)
        yield from _check_folder(session, site, trust, folder)


def _check_stamps(
    session: Session, site: Site, authority: StampAuthority
) -> Iterator[HistoryProblem]:
    """Check every stamp of an authority we know against the checkpoint it stands beside."""
    rows = session.execute(
        select(_STAMP, _CHECKPOINT.c.note)
        .outerjoin_from(_STAMP, _CHECKPOINT, _of_same_state(_STAMP))
        .where(_STAMP.c.tenant_id == site.store.tenant_id, _STAMP.c.authority == authority.name)
        .order_by(_STAMP.c.size)
    )
    for row in rows:
        try:
            if row.note is None:
                raise StampRefused(f"there is no checkpoint of {row.size} events any more")
            content = note_body(str(row.note)).encode()
            at = check_known_stamp(as_bytes(row.token), content, authority)
            if at != aware(row.stamped_at):
                raise StampRefused(f"it is listed with {aware(row.stamped_at)}, it says {at}")
        except (StampRefused, OSError, ValueError) as exc:
            said = f"the stamp of {authority.name} over {row.size} events: {exc}"
            yield HistoryProblem("BAD_STAMP", max(row.size - 1, 0), said)


def _check_lines(session: Session, site: Site, folder: WitnessFolder) -> Iterator[HistoryProblem]:
    """Name each state that a folder is said to keep and does not."""
    rows = session.execute(
        select(_COSIGNATURE.c.size, _COSIGNATURE.c.line, _CHECKPOINT.c.note)
        .outerjoin_from(_COSIGNATURE, _CHECKPOINT, _of_same_state(_COSIGNATURE))
        .where(
            _COSIGNATURE.c.tenant_id == site.store.tenant_id, _COSIGNATURE.c.witness == folder.name
        )
        .order_by(_COSIGNATURE.c.size)
    )
    kept: dict[str, frozenset[int]] = {}
    missing: list[int] = []
    for size, line, note in rows:
        origin = str(note or "").partition("\n")[0]
        if origin not in kept:
            kept[origin] = _kept_sizes(folder, origin)
        if line or size not in kept[origin]:
            missing.append(size)
    if missing:
        more = f", nor {len(missing) - 1} other states" if missing[1:] else ""
        said = f"{folder.name} is said to keep the state of {missing[0]} events, and does not{more}"
        yield HistoryProblem("NOT_WITNESSED", max(missing[0] - 1, 0), said)


def _kept_sizes(folder: WitnessFolder, origin: str) -> frozenset[int]:
    try:
        return kept_sizes(folder, origin)
    except OSError:
        return frozenset()  # a folder that cannot be read shows nothing; `_check_folder` names why


def _of_same_state(table: Table) -> ColumnElement[bool]:
    return and_(_CHECKPOINT.c.tenant_id == table.c.tenant_id, _CHECKPOINT.c.size == table.c.size)


def _check_folder(
    session: Session, site: Site, trust: Trust, folder: WitnessFolder
) -> Iterator[HistoryProblem]:
    """Compare the newest state that a witness folder keeps with the tree."""
    tenant = site.store.tenant_id
    known = (*trust.keys, *(each.key for each in trust.retired))
    try:
        kept = read_folder(folder, current_origin(session, site.store, site.signer), known)
    except OSError as exc:
        kept = Folder(None, f"it cannot be read: {exc.strerror}")
    if kept.bad:
        yield HistoryProblem("BAD_SIGNATURE", None, f"{folder.name}: {kept.bad}")
    if kept.state is None:
        return
    size, sealed = kept.state.size, sealed_up_to(session, tenant)
    if size > sealed:
        said = f"{folder.name} has seen {size} events, {sealed} are here"
        yield HistoryProblem("SHORTER_THAN_WITNESS", sealed, said)
        return
    try:
        ours = read_frontier(session, tenant, size).root
    except QTCoreError:
        return  # the check of the history names the subtree that is gone
    if kept.state.root != ours:
        said = f"{folder.name} has seen another root of {size} events"
        yield HistoryProblem("ROOT_FORK", size - 1, said)


def _check_cosignatures(session: Session, site: Site) -> Iterator[HistoryProblem]:
    """Check every cosignature of a witness we know against the checkpoint it stands beside."""
    keys = {server.name: server.key for server in site.outposts.servers}
    tenant = site.store.tenant_id
    rows = session.execute(
        select(_COSIGNATURE.c.size, _COSIGNATURE.c.witness, _COSIGNATURE.c.line, _CHECKPOINT.c.note)
        .outerjoin_from(_COSIGNATURE, _CHECKPOINT, _of_same_state(_COSIGNATURE))
        .where(_COSIGNATURE.c.tenant_id == tenant, _COSIGNATURE.c.witness.in_(keys))
        .order_by(_COSIGNATURE.c.size)
    )
    for size, witness, line, note in rows:
        try:
            if note is None:
                raise NoteError(f"there is no checkpoint of {size} events any more")
            check_cosignature(note_body(str(note)), str(line), keys[witness])
        except NoteError as exc:
            said = f"witness {witness} has seen another state of {size} events: {exc}"
            yield HistoryProblem("ROOT_FORK", size - 1, said)


def _check_key_changes(session: Session, site: Site) -> Iterator[HistoryProblem]:
    """Check that each change of the key names one of the folder, and that both have signed it."""
    signer = site.signer
    chain = [*(each.key for each in signer.retired), signer.key]
    # A backup of before a change knows less than the folder; what it tells must fit.
    pairs = {f"{NEXT_KEY} {new.vkey}": {old, new} for old, new in pairwise(chain)}
    for number, note in enumerate(list_key_notes(session, site.store.tenant_id), start=1):
        try:
            opened = open_note(note, chain)
            named = [line for line in opened.body.splitlines() if line.startswith(NEXT_KEY)]
            is_sound = [pairs.get(line) for line in named] == [set(opened.signed_by)]
        except NoteError:
            is_sound = False
        if not is_sound:
            said = f"change {number} of the key is not one that both keys of the folder have signed"
            yield HistoryProblem("BAD_SIGNATURE", None, said)


def _check_instance(session: Session, site: Site, trust: Trust) -> Iterator[HistoryProblem]:
    """Grow the instance's log anew from all checkpoints, and compare it with what was signed."""
    rows = session.execute(
        select(
            _CHECKPOINT.c.tenant_id, _CHECKPOINT.c.size, _CHECKPOINT.c.root, _CHECKPOINT.c.note
        ).order_by(_CHECKPOINT.c.tenant_id, _CHECKPOINT.c.size)
    ).all()
    notes = {(row.tenant_id, row.size): str(row.note) for row in rows}
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
    for row in rows:
        if row.size > first.get(row.tenant_id, row.size) and row[:2] not in listed:
            said = f"the checkpoint of {row.size} events stands in no log of the instance"
            yield HistoryProblem("NOT_IN_INSTANCE", max(row.size - 1, 0), said)
    own = [row for row in rows if row.tenant_id == INSTANCE]
    faults = (_fault_of(row, roots, trust) for row in own)
    missing = sorted(set(roots) - {0, *(row.size for row in own)})
    said = f"the log of the instance lacks its state of {missing[0]} checkpoints" if missing else ""
    said = said or next(filter(None, faults), "")
    if said:
        yield HistoryProblem("NOT_IN_INSTANCE", None, said)


def _fault_of(row: Any, roots: dict[int, bytes], trust: Trust) -> str:
    try:
        known = (*trust.keys, *(each.key for each in trust.retired))
        state = read_checkpoint(open_note(str(row.note), known).body)
    except NoteError as exc:
        return f"the log of the instance of {row.size} checkpoints is not signed: {exc}"
    expected = (row.size, roots.get(row.size))
    if (state.size, state.root) != expected or (state.size, as_bytes(row.root)) != expected:
        return f"the first {row.size} checkpoints of the instance are not those that were signed"
    return ""
