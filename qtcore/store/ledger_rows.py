"""The rows of a ledger entry: the canonical head, and the personal values beside it.

It must not know the tree; a name, login, address or device never stands in the head itself.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from qtcore.context import SYSTEM_LOGIN, Context, Sources
from qtcore.engines.ledger.canonical import CanonicalError, canonical_bytes, is_plain, plain_bytes
from qtcore.engines.ledger.commitment import SALT_SIZE, commit_field
from qtcore.engines.ledger.tree import leaf_hash
from qtcore.errors import Fault, InputRejected

HEAD_VERSION: Final = 1
LONGEST_PRIVATE: Final = 2000
NAMES_SOMEBODY: Final = frozenset({"lifted_by", "revoked_by"})
"""Columns that hold a login: told beside the head, so that it can be erased."""

Change = tuple[object, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One act on one object, as `UnitOfWork.log` was told of it."""

    uid: str
    action: str
    kind: str
    object_uid: str
    changes: Mapping[str, Change] = field(default_factory=dict)
    reason: str = ""
    about: Sequence[str] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """What an entry becomes: a `ledger_event`, some `ledger_private`, some `ledger_about`.

    The key of the event is drawn when they are written.
    """

    event: dict[str, Any]
    private: list[dict[str, Any]]
    about: list[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What all entries of one act say alike: who, when, where, by which request."""

    sources: Sources
    at: datetime
    head: Mapping[str, object]
    private: Mapping[str, str]


def frame_of(context: Context, sources: Sources) -> Frame:
    """Read from the context what each entry repeats."""
    actor = context.actor
    head: dict[str, object] = {
        "v": HEAD_VERSION,
        "at": utc_text(context.at),
        "offset": _offset(context.at, sources.zone),
        "actor": SYSTEM_LOGIN if actor.is_system else actor.uid,
        "roles": sorted(actor.roles),
        "request": context.request_id,
        "session": context.session_id,
    }
    if actor.token:
        head["token"] = actor.token
    private = {
        "actor_name": actor.name,
        "actor_login": actor.login,
        "ip": context.ip,
        "peer_ip": context.peer_ip if context.peer_ip != context.ip else "",
        "device": context.device,
        "os_user": context.os_user,
        "token_name": actor.token_name,
    }
    return Frame(sources, context.at, head, _tidy(private))


def build_rows(entry: Entry, frame: Frame) -> LedgerRows:
    """Build the rows of an entry; raises InputRejected for text that cannot be kept."""
    values = frame.private
    named = {name: entry.changes[name][1] for name in NAMES_SOMEBODY & entry.changes.keys()}
    if entry.private or named:
        told = {name: as_text(who) or "" for name, who in named.items()}
        values = _tidy({**values, **told, **entry.private})
    salts = frame.sources.random_bytes(SALT_SIZE * len(values))
    private = [
        {"field": name, "salt": salts[at : at + SALT_SIZE], "value": values[name]}
        for at, name in zip(range(0, len(salts), SALT_SIZE), sorted(values), strict=True)
    ]
    try:
        head = _head(entry, frame, private)
    except CanonicalError as exc:
        raise InputRejected(
            f"{entry.kind} {entry.object_uid!r} cannot be recorded: {exc}",
            [Fault("QT610", str(exc), entry.kind)],
        ) from exc
    event = {
        "uid": entry.uid,
        "action": composed(entry.action),
        "object_kind": composed(entry.kind),
        "object_uid": composed(entry.object_uid),
        "recorded_at": frame.at,
        "head": head,
        "leaf_hash": leaf_hash(head),
    }
    about = {entry.object_uid, *entry.about}
    return LedgerRows(event, private, sorted({composed(uid) for uid in about}))


def composed(text: str) -> str:
    """Write a text as the ledger has it (NFC), so that a row is compared with what it tells."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _head(entry: Entry, frame: Frame, private: Sequence[Mapping[str, Any]]) -> bytes:
    about: dict[str, object] = {"kind": entry.kind, "id": entry.object_uid}
    if entry.version is not None:
        about["version"] = entry.version
    head = {
        **frame.head,
        "id": entry.uid,
        "action": entry.action,
        "object": about,
        "about": sorted(set(entry.about)),
        "changes": [
            [name, as_text(old), as_text(new)]
            for name, (old, new) in sorted(entry.changes.items())
            if name not in NAMES_SOMEBODY
        ],
        "reason": entry.reason,
        "details": entry.details,
        "commitments": {
            row["field"]: commit_field(row["salt"], row["field"], row["value"]).hex()
            for row in private
        },
    }
    if is_plain(entry.details):
        return plain_bytes(head)
    return canonical_bytes({**head, "details": plain(entry.details)})


def _offset(at: datetime, zone: tzinfo | None) -> str:
    """Give the offset of the site's clock; a time that came with an offset of its own keeps it."""
    local = at.astimezone(zone) if at.utcoffset() == timedelta(0) else at
    # Ends with +HH:MM, or with the seconds that some offsets of long ago had.
    return local.isoformat(timespec="minutes")[16:22]


def _tidy(private: Mapping[str, str]) -> dict[str, str]:
    """Give the personal values that are there, as they are stored and committed to.

    Raises InputRejected for one that is too long to be kept.
    """
    long = [f"{n} has {len(v):,} signs" for n, v in private.items() if len(v) > LONGEST_PRIVATE]
    if long:
        said = f"{', '.join(long)}; at most {LONGEST_PRIVATE:,} are kept of a personal value"
        raise InputRejected(said, [Fault("QT610", said, "")])
    # PostgreSQL keeps no NUL in text.
    there = {n: v.replace("\x00", "�") for n, v in private.items() if v}
    return {
        n: v if v.isascii() else v.encode("utf-8", "replace").decode() for n, v in there.items()
    }


def cut_long(private: Mapping[str, str]) -> tuple[Mapping[str, str], dict[str, int]]:
    """Cut what is too long to be kept; gives the values, and how long those were that were cut."""
    cut = {n: len(v) for n, v in private.items() if len(v) > LONGEST_PRIVATE}
    return ({n: v[:LONGEST_PRIVATE] for n, v in private.items()} if cut else private), cut


def utc_text(at: datetime) -> str:
    """Write a time as the ledger does: UTC with six digits of a second."""
    if at.utcoffset() is None:
        raise ValueError(f"time {at.isoformat()} has no zone; the ledger needs aware times")
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def as_text(value: object) -> str | None:
    """Write a field's value as the ledger shows it; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
    return str(value)


def plain(value: object) -> object:
    """Write a nested value in what canonical JSON has: text, whole numbers, lists, objects."""
    # Most values are texts in lists; asking for these first saves most of the time.
    if type(value) is str or value is None:
        return value
    if type(value) is list or type(value) is tuple:
        return [item if type(item) is str else plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    if isinstance(value, bool | int):
        return value
    return as_text(value)
