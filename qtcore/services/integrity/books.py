"""I3 of reviews, legal holds and signatures: each row is what its entry told, and none is gone.

It must not judge whether a review or a signature was due.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import SQLModel

from qtcore.engines.ledger.canonical import CanonicalError
from qtcore.services.integrity.ground import Ground, Violation, unlike
from qtcore.services.sign_content import digest_of, read_content
from qtcore.store.columns import table_of
from qtcore.store.ledger_rows import as_text, composed
from qtcore.store.tables import Device, Hold, LedgerPrivate, LedgerReview, LegalHold, Signature

_PRIVATE: Final = table_of(LedgerPrivate)
_PERSONAL: Final = ("actor_login", "actor_name", "device", "ip", "lifted_by")
_OF_SOMEBODY: Final = frozenset(
    {"reviewed_by", "placed_by", "registered_by", "lifted_by", "signer_login", "device", "ip"}
)
_LIFT: Final = "legal_hold.lift"
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says: its head, and the personal values that were not erased."""

    head: Mapping[str, Any]
    kept: Mapping[str, str]

    def personal(self, name: str, longest: int = 2000) -> str | None:
        """Give a personal value; empty where there was none, None where it was erased."""
        if name not in self.head["commitments"]:
            return ""
        value = self.kept.get(name)
        return None if value is None else value[:longest]

    def subject(self, *, otherwise: str = "") -> str:
        """Give the thing it is about beside its object."""
        own = self.head["object"]["id"]
        return next((uid for uid in self.head["about"] if uid != own), otherwise)


def _review(entry: Entry, _row: Any) -> dict[str, object]:
    details = entry.head["details"]
    return {
        "subject_uid": entry.subject(),
        "up_to": details.get("up_to"),
        "entries": details.get("entries"),
        "remark": entry.head["reason"],
        "reviewed_at": entry.head["at"],
        "reviewed_by": entry.personal("actor_name") or entry.personal("actor_login"),
    }


def _hold(entry: Entry, _row: Any) -> dict[str, object]:
    return {
        "subject_uid": entry.subject(otherwise="*"),
        "reason": entry.head["reason"],
        "placed_at": entry.head["at"],
        "placed_by": entry.personal("actor_login"),
    }


def _hold_of_lot(entry: Entry, _row: Any) -> dict[str, object]:
    details = entry.head["details"]
    return {
        "reason": entry.head["reason"],
        "cause": details.get("cause"),
        "record_uid": details.get("record"),
        "placed_at": entry.head["at"],
        "placed_by": entry.personal("actor_login"),
    }


def _device(entry: Entry, _row: Any) -> dict[str, object]:
    return {"registered_at": entry.head["at"], "registered_by": entry.personal("actor_login")}


def _signature(entry: Entry, row: Any) -> dict[str, object]:
    details = entry.head["details"]
    told = {
        "subject_uid": entry.subject(),
        "reason": entry.head["reason"],
        "signed_at": entry.head["at"],
        "utc_offset": entry.head["offset"],
        "session_uid": entry.head["session"],
        "method": details.get("method"),
        "components": details.get("components"),
        "zone": details.get("zone"),
        "factor_uid": details.get("factor"),
        "intent_uid": details.get("intent"),
        "assertion": _other_digest(row.assertion, details.get("assertion")),
        "signer_login": entry.personal("actor_login"),
        "device": entry.personal("device", 200),
        "ip": entry.personal("ip", 60),
    }
    return told | _signed(str(row.content))


def _other_digest(value: Any, told: str | None) -> str | None:
    """Give the digest that was told, when it is not that of the value."""
    try:
        return None if told in (None, digest_of(value)) else told
    except (CanonicalError, ValueError, TypeError):
        return told  # no release keeps such a value


def _signed(content: str) -> dict[str, object]:
    """Read what the signed text says of its row; I5 holds the text against the entry."""
    try:
        text = read_content(content) if content else {}
        signer, part = text["signer"], text.get("record")
        return {
            "language": text["language"],
            "profile": text["profile"],
            "registry_fingerprint": text["definitions"],
            "signer_roles": signer["roles"],
            "delegation_uid": ",".join(signer["delegations"])[:400],
            "on_behalf_of": ", ".join(signer["for"])[:400],
            "subject_sha256": digest_of(part) if part else "",
        }
    except (CanonicalError, ValueError, KeyError, TypeError):
        return {}  # kept as a digest only, or named by I5


# The entry that makes a row, and the columns it tells; None where the value was erased.
BOOKS: Final[tuple[tuple[type[SQLModel], str, Callable[[Entry, Any], dict[str, object]]], ...]] = (
    (LedgerReview, "ledger.review", _review),
    (LegalHold, "legal_hold.place", _hold),
    (Hold, "hold.place", _hold_of_lot),
    (Device, "device.register", _device),
    (Signature, "sign", _signature),
)


def check_books(ground: Ground) -> Iterator[Violation]:
    """I3: compare each book with its entries, in both directions."""
    acts = ground.acts([_LIFT, *(action for _, action, _ in BOOKS)])
    for model, action, tell in BOOKS:
        told = acts[action]
        personal = _personal(ground, [key for key, _ in told.values()])
        seen = set()
        for row in ground.rows(model):
            seen.add(row.uid)
            place = f"{model.__tablename__} {row.uid}"
            if row.uid not in told:
                if row.uid not in ground.archived:
                    yield Violation("I3", place, "no entry of the ledger tells of it")
                continue
            key, head = told[row.uid]
            expected = tell(Entry(head, personal.get(key, {})), row)
            if model is LegalHold:
                expected |= _lift(ground, acts[_LIFT].get(row.uid))
            yield from _compare(place, row, expected)
        for uid in sorted(told.keys() - seen):
            place = f"{model.__tablename__} {uid}"
            yield Violation("I3", place, "the ledger tells of it, but it is gone")
    yield from _check_review_signatures(ground)


def _lift(ground: Ground, act: tuple[int, Mapping[str, Any]] | None) -> dict[str, object]:
    if act is None:
        return {"lifted_at": "", "lifted_by": "", "version": 1}
    key, head = act
    by = Entry(head, _personal(ground, [key]).get(key, {})).personal("lifted_by")
    values = {change[0]: change[2] for change in head["changes"]}
    # An earlier release told in the head who lifted it.
    return {"lifted_by": by, **values, "version": head["object"].get("version")}


def _compare(place: str, row: Any, expected: Mapping[str, object]) -> Iterator[Violation]:
    columns = row._mapping  # the public way to a row's names
    for name, told in expected.items():
        stored = composed(as_text(columns[name]) or "")
        if told is not None and stored != (as_text(told) or ""):
            said = unlike(name, stored, told, is_personal=name in _OF_SOMEBODY)
            yield Violation("I3", place, said)


def _check_review_signatures(ground: Ground) -> Iterator[Violation]:
    """Hold each review against the signature it names: of this thing, up to this place."""
    signed = {
        row.uid: (row.subject_kind, row.subject_uid, row.subject_revision)
        for row in ground.rows(Signature)
    }
    for row in ground.rows(LedgerReview):
        if signed.get(row.signature_uid) != ("history", row.subject_uid, row.up_to):
            said = f"its signature {row.signature_uid} is not of this review"
            yield Violation("I3", f"ledger_review {row.uid}", said)


def _personal(ground: Ground, entries: list[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for at in range(0, len(entries), _BATCH):
        rows = ground.session.execute(
            select(_PRIVATE.c.event_id, _PRIVATE.c.field, _PRIVATE.c.value).where(
                _PRIVATE.c.tenant_id == ground.tenant,
                _PRIVATE.c.event_id.in_(entries[at : at + _BATCH]),
                _PRIVATE.c.field.in_(_PERSONAL),
            )
        )
        for key, name, value in rows:
            if value is not None:
                found.setdefault(key, {})[name] = str(value)
    return found
