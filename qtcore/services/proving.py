"""Proof files: one lot's events, or a range, for a person who verifies them without QTCore.

It must not judge a history; what it writes is described in docs/what-the-ledger-proves.md.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.ledger import (
    NoteError,
    ProofError,
    StoredCheckpoint,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    open_note,
    verify_consistency,
    verify_inclusion,
)
from qtcore.engines.ledger.commitment import verify_field
from qtcore.errors import Conflict, InputRejected, NotFound, QTCoreError
from qtcore.services.audit import trust_of
from qtcore.services.beside import Beside, read_beside
from qtcore.services.rights import require
from qtcore.services.sight import get_seen
from qtcore.services.site import Site
from qtcore.services.veils import require_unveiled
from qtcore.store.ledger_rows import utc_text
from qtcore.store.proofs import (
    Archive,
    SealedEntry,
    find_checkpoint,
    list_archives,
    list_checkpoint_sizes,
    list_entries_about,
    list_entries_between,
    read_paths,
)
from qtcore.store.queries.ledger import count_pending
from qtcore.store.queries.nodes import NodeInfo

FORMAT: Final = "qtcore-proof/2"
MAX_EXPORTED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """How a proof file is wanted.

    `personal`: names and addresses go along with their salts. `checkpoint` is the size of an older
    signed state, which the reader has kept; without it, all is proven against the newest.
    """

    personal: bool = True
    checkpoint: int | None = None


@dataclass(frozen=True, slots=True)
class ProvenEvent:
    """An event and the hashes that join it to a signed state."""

    entry: SealedEntry
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProofFile:
    """All that a verifier needs; `not_sealed` events came too late for it.

    `archives` are not in the file: what they hold of the lot, somebody has to give along.
    """

    about: dict[str, str | int]
    made_at: str
    vkeys: tuple[str, ...]
    checkpoint: StoredCheckpoint
    newest: StoredCheckpoint
    consistency: tuple[bytes, ...]
    events: tuple[ProvenEvent, ...]
    not_sealed: int
    has_personal: bool
    beside: Beside
    archives: tuple[Archive, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the file's content."""
        return {
            "format": FORMAT,
            "made_at": self.made_at,
            "about": self.about,
            "vkeys": list(self.vkeys),
            "key_changes": list(self.beside.key_changes),
            "stamps": list(self.beside.stamps),
            "instance": list(self.beside.instance),
            "checkpoint": self.beside.cosigned(self.checkpoint),
            "newest": {
                "checkpoint": self.beside.cosigned(self.newest),
                "consistency": [_base64(each) for each in self.consistency],
            },
            "personal": "included" if self.has_personal else "withheld",
            "not_sealed": self.not_sealed,
            "events": [self._event_json(each) for each in self.events],
        }

    def _event_json(self, event: ProvenEvent) -> dict[str, Any]:
        private = event.entry.private if self.has_personal else ()
        return {
            "seq": event.entry.seq,
            "head": _base64(event.entry.head),
            "inclusion": [_base64(each) for each in event.inclusion],
            "private": {
                name: {"salt": _base64(salt), "value": value} for name, salt, value in private
            },
        }


def prove_lot(site: Site, context: Context, lot: str, asked: Asked = Asked()) -> ProofFile:
    """Prove the sealed events that name one lot, unit or logistic unit, and no others.

    Raises NotFound when none is sealed, QTCoreError QT603 when the history is not intact.
    """
    require(site, context, "ledger.read")
    require_unveiled(site, context, "a proof file")
    require(site, context, "lot.read")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        info = get_seen(site, context, session, lot)
        named, newest = _states(session, tenant, asked)
        entries, waiting = list_entries_about(session, tenant, info.uid, below=newest.size)
        archives = list_archives(session, tenant)
        if not entries and archives:
            raise NotFound(
                f"no event that is here names {lot!r}; older ones are archived: "
                f"{_listed(archives)}; give those files to the reader"
            )
        if not entries:
            raise NotFound(
                f"no sealed event names {lot!r} yet, {waiting} wait for their seal; `qtcore serve` "
                "seals them within seconds"
            )
        maker = _Maker(site, session, named, newest)
        about: dict[str, str | int] = {"lot": info.uid, "name": _name(info)}
        made = maker.make(about, entries, waiting, has_personal=asked.personal)
        return replace(made, archives=archives)


def export_history(
    site: Site,
    context: Context,
    *,
    first: int | None = None,
    last: int | None = None,
    asked: Asked = Asked(),
) -> ProofFile:
    """Prove every sealed event from `first` to `last`, both included; default: all that is here.

    Raises InputRejected for a range that is not sealed, archived, or too long for one file.
    """
    require(site, context, "ledger.read")
    require_unveiled(site, context, "a proof file")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        named, newest = _states(session, tenant, asked)
        end = newest.size - 1 if last is None else last
        archives = list_archives(session, tenant)
        start = archives[-1].last + 1 if archives else 0
        first = start if first is None else first
        if 0 <= first < start:
            raise InputRejected(
                f"events {first} to {start - 1} are archived: {_listed(archives)}; give those "
                f"files to the reader, and export from {start} on"
            )
        if not 0 <= first <= end < newest.size:
            raise InputRejected(
                f"events {first} to {end} are not all sealed; accepted are 0 to {newest.size - 1}"
            )
        if end - first >= MAX_EXPORTED:
            raise InputRejected(
                f"events {first} to {end} are more than {MAX_EXPORTED} for one file; export "
                f"{first} to {first + MAX_EXPORTED - 1} first, then the rest"
            )
        entries = list_entries_between(session, tenant, first, end)
        if len(entries) != end - first + 1:
            raise _not_intact(f"between events {first} and {end}", "some are missing")
        maker = _Maker(site, session, named, newest)
        about: dict[str, str | int] = {"from": first, "to": end}
        waiting = count_pending(session, tenant) if last is None else 0
        made = maker.make(about, entries, waiting, has_personal=asked.personal)
        return replace(made, archives=archives)


def offline_verifier() -> str:
    """Give the source of the single-file verifier, to be handed out with proof files."""
    return files("qtcore.offline").joinpath("qtcore_verify.py").read_text(encoding="utf-8")


def _states(
    session: Session, tenant_id: int, asked: Asked
) -> tuple[StoredCheckpoint, StoredCheckpoint]:
    newest = find_checkpoint(session, tenant_id)
    if newest is None:
        raise Conflict(
            "nothing is sealed yet, so there is no checkpoint to prove against; `qtcore serve` "
            "seals within seconds of the first act",
            code="QT604",
        )
    named = newest
    if asked.checkpoint is not None:
        found = find_checkpoint(session, tenant_id, asked.checkpoint)
        if found is None:
            sizes = ", ".join(map(str, list_checkpoint_sizes(session, tenant_id)))
            raise InputRejected(
                f"no checkpoint of {asked.checkpoint} events was signed; the newest are of {sizes}"
            )
        named = found
    return named, newest


@dataclass(frozen=True)
class _Maker:
    """Proofs against two signed states; each is verified before it leaves the house."""

    site: Site
    session: Session
    named: StoredCheckpoint
    newest: StoredCheckpoint

    def make(
        self,
        about: dict[str, str | int],
        entries: Sequence[SealedEntry],
        waiting: int,
        *,
        has_personal: bool,
    ) -> ProofFile:
        try:
            events, consistency = self._paths(entries)
            beside = read_beside(self.session, self.site.store.tenant_id, self._sizes)
        except ValueError as exc:  # a place or a size that no tree has
            raise _not_intact("in its places", str(exc)) from exc
        signer = self.site.signer
        made = ProofFile(
            about=about,
            made_at=utc_text(self.site.sources.now()),
            vkeys=(signer.key.vkey, *(each.key.vkey for each in signer.retired)),
            checkpoint=self.named,
            newest=self.newest,
            consistency=consistency,
            events=events,
            not_sealed=waiting,
            has_personal=has_personal,
            beside=beside,
        )
        self._check(made)
        return made

    @property
    def _sizes(self) -> set[int]:
        return {self.named.size, self.newest.size}

    def _paths(
        self, entries: Sequence[SealedEntry]
    ) -> tuple[tuple[ProvenEvent, ...], tuple[bytes, ...]]:
        ranges = [inclusion_ranges(each.seq, self._state(each).size) for each in entries]
        ranges.append(consistency_ranges(self.named.size, self.newest.size))
        *paths, consistency = read_paths(self.session, self.site.store.tenant_id, ranges)
        return tuple(map(ProvenEvent, entries, paths)), consistency

    def _state(self, entry: SealedEntry) -> StoredCheckpoint:
        return self.named if entry.seq < self.named.size else self.newest

    def _check(self, made: ProofFile) -> None:
        """Refuse to hand out what its reader would have to call forged."""
        trust = trust_of(self.site)
        at = "in its checkpoints"
        try:
            for state in {self.named, self.newest}:
                open_note(state.note, trust.keys_for(state.size))
            verify_consistency(
                self.named.size,
                self.newest.size,
                root1=self.named.root,
                root2=self.newest.root,
                proof=made.consistency,
            )
            for event in made.events:
                at = f"at event {event.entry.seq}"
                state, leaf = self._state(event.entry), leaf_hash(event.entry.head)
                verify_inclusion(
                    event.entry.seq, state.size, leaf, proof=event.inclusion, root=state.root
                )
                if made.has_personal:
                    _require_committed(event.entry)
        except (ProofError, NoteError) as exc:
            raise _not_intact(at, str(exc)) from exc


def _require_committed(entry: SealedEntry) -> None:
    """Refuse a personal value that the event never committed to; raises ProofError."""
    promised = json.loads(entry.head)["commitments"] if entry.private else {}
    for name, salt, value in entry.private:
        said = promised.get(name)
        if said is None or not verify_field(bytes.fromhex(said), salt, name, value):
            raise ProofError(f"the value of {name!r} is not what the event committed to")


def _listed(archives: Sequence[Archive]) -> str:
    return ", ".join(map(str, archives))


def _name(info: NodeInfo) -> str:
    """Name a lot for a person; the events prove its id, not this."""
    source = f" of {info.source_name or info.source_code}" if info.source_code else ""
    return f"{info.item_code} {info.kind} {info.lot_no}{source}".strip()


def _not_intact(where: str, said: str) -> QTCoreError:
    return QTCoreError(
        f"the history is not intact {where}, so no proof can be given: {said}; run "
        "`qtcore audit verify` and `qtcore db fsck`, which name the kind of damage",
        code="QT603",
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
