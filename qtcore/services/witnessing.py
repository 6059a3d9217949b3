"""Telling witnesses outside of each signed state, and noticing when they have seen more than we.

It must not judge a history; a witness that is ahead means a restored backup or a cut tail.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import structlog
from sqlalchemy import and_, func, insert, select

from qtcore.engines.ledger import (
    Checkpoint,
    NoteError,
    NoteKey,
    StoredCheckpoint,
    consistency_ranges,
    open_note,
    read_checkpoint,
)
from qtcore.engines.ledger.cosign import Submission, check_cosignature, write_submission
from qtcore.errors import QTCoreError
from qtcore.services.outgoing import Question, ask
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.outposts import WitnessFolder, WitnessServer
from qtcore.store.proofs import find_checkpoint, note_body, read_paths
from qtcore.store.sealing import base_origin, current_origin, read_frontier
from qtcore.store.signers import is_set_up, note_set_up
from qtcore.store.tables import LedgerCheckpoint, LedgerCosignature, LedgerIncarnation

TIMEOUT: Final = 10
_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_COSIGNATURE: Final = table_of(LedgerCosignature)
_INCARNATION: Final = table_of(LedgerIncarnation)
_NOT_ITSELF: Final = (
    "which was written to it: it is not mounted, or another folder stands in its place; nothing "
    "was written"
)
_LOG = structlog.get_logger("qtcore.witness")

Standing = Literal["agrees", "ahead", "fork", "unreachable", "refuses"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one witness says of our log; `size` is what it has seen, where it told that."""

    witness: str
    standing: Standing
    size: int | None = None
    message: str = ""

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {
            "witness": self.witness,
            "standing": self.standing,
            "size": self.size,
            "message": self.message,
        }


def tell_witnesses(site: Site) -> tuple[Seen, ...]:
    """Tell every witness of the newest signed state, and fence the store when one is ahead.

    A witness that cannot be reached is named, and stops nobody's work.
    """
    outposts = site.outposts
    targets: list[WitnessServer | WitnessFolder] = [*outposts.servers, *outposts.folders]
    found = tuple(_tell(site, each) for each in targets)
    for seen in found:
        if seen.standing != "agrees":
            _LOG.warning("witness", **seen.as_json())
    ahead = [seen for seen in found if seen.standing in ("ahead", "fork")]
    if ahead:
        site.store.fence = fence_text(ahead[0])
    return found


def fence_text(seen: Seen) -> str:
    """Say why nothing may be written, and the way out."""
    what = (
        f"has seen {seen.size} events of this log, which this database does not hold"
        if seen.standing == "ahead"
        else "has seen another history than the one in this database"
    )
    return (
        f"read-only: the witness {seen.witness} {what}. A backup was restored, or the end of the "
        "history was cut off. Nothing is written until somebody of QA signs what was lost: "
        "`qtcore ledger accept-restore --as LOGIN --reason TEXT`"
    )


def _tell(site: Site, target: WitnessServer | WitnessFolder) -> Seen:
    with site.store.read() as session:
        newest = find_checkpoint(session, site.store.tenant_id)
        origin = current_origin(session, site.store, site.signer)
    try:
        if isinstance(target, WitnessFolder):
            return _tell_folder(site, target, origin, newest)
        if newest is None or read_checkpoint(note_body(newest.note)).origin != origin:
            return Seen(target.name, "agrees")  # nothing is signed under this name yet
        return _tell_server(site, target, newest)
    except OSError as error:
        return Seen(target.name, "unreachable", message=str(error)[:300])
    except (NoteError, QTCoreError) as error:
        return Seen(target.name, "refuses", message=str(error)[:300])


def _tell_server(site: Site, target: WitnessServer, newest: StoredCheckpoint) -> Seen:
    old = _last_told(site, target.name)
    for _ in range(3):  # another process of ours may tell it meanwhile
        status, text = _post(target, _submission(site, old, newest))
        if status == 200:
            return _keep(site, target, newest, text)
        told = text.strip()
        if status == 409 and told.isascii() and told.isdecimal():
            size = int(told)
            if size > newest.size:
                return Seen(target.name, "ahead", size, f"it has seen {size} events")
            if size == old:
                return Seen(target.name, "fork", size, f"it has seen another root of {size} events")
            old = size
            continue
        if status == 422:
            return Seen(target.name, "fork", old, told[:300])
        return Seen(target.name, "refuses", message=f"{status}: {told[:300]}")
    return Seen(target.name, "refuses", message="it answered with another size three times")


def _submission(site: Site, old: int, newest: StoredCheckpoint) -> Submission:
    if old > newest.size:
        return Submission(newest.size, (), newest.note)
    proof = proof_between(site, old, newest.size) if old else ()
    return Submission(old, proof, newest.note)


def proof_between(site: Site, size1: int, size2: int) -> tuple[bytes, ...]:
    """Prove from the kept subtrees that one state of the log continues another."""
    with site.store.read() as session:
        ranges = consistency_ranges(size1, size2)
        return read_paths(session, site.store.tenant_id, [ranges])[0]


def _post(target: WitnessServer, submission: Submission) -> tuple[int, str]:
    told = ask(
        Question(
            f"{target.url}/add-checkpoint",
            data=write_submission(submission),
            timeout=TIMEOUT,
            is_private_allowed=target.is_private,
        )
    )
    return told.status, told.content.decode("utf-8", "replace")


def _keep(site: Site, target: WitnessServer, newest: StoredCheckpoint, text: str) -> Seen:
    body = note_body(newest.note)
    line = next(_lines_by(target, body, text), None)
    if line is None:
        return Seen(target.name, "refuses", message="its answer is not signed with its known key")
    _write_line(site, newest.size, target.name, line)
    return Seen(target.name, "agrees", newest.size)


def _lines_by(target: WitnessServer, body: str, text: str) -> Iterator[str]:
    for line in text.splitlines():
        try:
            check_cosignature(body, line, target.key)
        except NoteError:
            continue  # lines of unknown keys are ignored, as the protocol asks
        yield f"{line}\n"


def _write_line(site: Site, size: int, witness: str, line: str) -> None:
    store = site.store
    with store.plumbing() as session:
        known = session.execute(
            select(_COSIGNATURE.c.size).where(
                _COSIGNATURE.c.tenant_id == store.tenant_id,
                _COSIGNATURE.c.size == size,
                _COSIGNATURE.c.witness == witness,
            )
        ).first()
        if known is None:
            row = {"tenant_id": store.tenant_id, "size": size, "witness": witness, "line": line}
            session.execute(insert(_COSIGNATURE), {**row, "received_at": store.sources.now()})


def _last_told(site: Site, witness: str) -> int:
    """Give the size a witness cosigned last, in this incarnation of the log."""
    tenant = site.store.tenant_id
    with site.store.read() as session:
        start = session.execute(
            select(func.max(_INCARNATION.c.from_size)).where(_INCARNATION.c.tenant_id == tenant)
        ).scalar_one()
        found = session.execute(
            select(func.max(_COSIGNATURE.c.size)).where(
                _COSIGNATURE.c.tenant_id == tenant,
                _COSIGNATURE.c.witness == witness,
                _COSIGNATURE.c.size > (start or 0),
            )
        ).scalar_one()
    return int(found or 0)


def _tell_folder(
    site: Site, target: WitnessFolder, origin: str, newest: StoredCheckpoint | None
) -> Seen:
    size = newest.size if newest else 0
    _require_own_place(site, target)
    kept = read_folder(target, origin, _keys(site))
    if kept.state is not None:
        if kept.state.size > size:
            said = f"it holds the note of {kept.state.size} events"
            return Seen(target.name, "ahead", kept.state.size, said)
        with site.store.read() as session:
            ours = read_frontier(session, site.store.tenant_id, kept.state.size).root
        if ours != kept.state.root:
            said = f"it holds another root of {kept.state.size} events"
            return Seen(target.name, "fork", kept.state.size, said)
    if newest is not None and read_checkpoint(note_body(newest.note)).origin == origin:
        _write_file(_folder_of(target, origin) / f"{size:020d}.note", newest.note)
        note_set_up(site.signer, target.name)
        if _last_told(site, target.name) < size:
            _write_line(site, size, target.name, "")
    if kept.bad:
        return Seen(target.name, "refuses", message=kept.bad)
    return Seen(target.name, "agrees", size)


def _require_own_place(site: Site, target: WitnessFolder) -> None:
    """Refuse a folder without the note that was written to it last: another one stands there.

    A share that is not mounted leaves an empty folder of this machine in its place. Raises OSError.
    """
    same = _CHECKPOINT.c.size == _COSIGNATURE.c.size
    with site.store.read() as session:
        last = session.execute(
            select(_COSIGNATURE.c.size, _CHECKPOINT.c.note)
            .join_from(
                _COSIGNATURE,
                _CHECKPOINT,
                and_(_CHECKPOINT.c.tenant_id == _COSIGNATURE.c.tenant_id, same),
            )
            .where(
                _COSIGNATURE.c.tenant_id == site.store.tenant_id,
                _COSIGNATURE.c.witness == target.name,
            )
            .order_by(_COSIGNATURE.c.size.desc())
            .limit(1)
        ).first()
    if last is None and not is_set_up(site.signer, target.name):
        return  # nothing was written yet: this is how a folder is set up
    if last is None:
        # A backup of before it was set up was restored: it must hold something of this log.
        if not kept_sizes(target, base_origin(site.store, site.signer)):
            raise FileNotFoundError(f"it holds no note of this log, {_NOT_ITSELF}")
        return
    origin = read_checkpoint(note_body(str(last.note))).origin
    if last.size not in kept_sizes(target, origin):
        raise FileNotFoundError(f"it does not hold the note of {last.size} events, {_NOT_ITSELF}")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder keeps of a log: its newest state, and why a file beside it is none."""

    state: Checkpoint | None
    bad: str = ""


def read_folder(target: WitnessFolder, origin: str, keys: tuple[NoteKey, ...]) -> Folder:
    """Find the newest state that a folder keeps of a log.

    Whoever may add files could hide it behind a larger number: a file that is not what its name
    says is named, and passed over.
    """
    bad = ""
    for file in sorted(_folder_of(target, origin).glob("*.note"), reverse=True):
        try:
            state = read_checkpoint(open_note(file.read_text(encoding="utf-8"), keys).body)
            if (state.origin, f"{state.size:020d}.note") != (origin, file.name):
                raise NoteError(f"it is the state of {state.size} events of {state.origin}")
        except (NoteError, UnicodeDecodeError) as exc:
            bad = bad or f"its file {file.name} is not what it is called: {exc}"
            continue
        return Folder(state, bad)
    return Folder(None, bad)


def kept_sizes(target: WitnessFolder, origin: str) -> frozenset[int]:
    """List the sizes of a log that a folder has a note of; what the notes say is not read."""
    names = (file.stem for file in _folder_of(target, origin).glob("*.note"))
    return frozenset(int(name) for name in names if name.isascii() and name.isdecimal())


def _folder_of(target: WitnessFolder, origin: str) -> Path:
    return target.path / sha256(origin.encode()).hexdigest()[:16]


def _write_file(file: Path, note: str) -> None:
    """Write a note once, down to the disk; a file that is there is never touched."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as out:
        out.write(note)
        out.flush()
        os.fsync(out.fileno())
    file.chmod(0o444)


def _keys(site: Site) -> tuple[NoteKey, ...]:
    return (site.signer.key, *(each.key for each in site.signer.retired))
