"""The check of one event in itself: its bytes, its hash, its commitments to personal fields.

It must not know the tree, checkpoints, or other events.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from qtcore.engines.ledger.canonical import CanonicalError, Json, read_canonical
from qtcore.engines.ledger.commitment import verify_field
from qtcore.engines.ledger.tree import leaf_hash

ContentProblem: TypeAlias = tuple[
    Literal["CONTENT_MISMATCH", "COMMITMENT_MISMATCH", "NOT_CANONICAL"], str
]


@dataclass(frozen=True, slots=True)
class PrivateField:
    """A personal field beside the head; erased when salt and value are gone."""

    name: str
    salt: bytes | None
    value: str | None


# The key of the event, field, salt, value, as the database has them.
PrivateRow: TypeAlias = tuple[int, str, Any, Any]


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An event as stored; `seq` is its place in the sealed order, None while it waits."""

    seq: int | None
    head: bytes
    leaf_hash: bytes
    private: tuple[PrivateField, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """Sealed events, one after the other, that are what was recorded.

    `listed.fit_at_a_glance` has seen hash, columns, commitments and head of each to fit; `times`
    are as the heads write them. Where their order is wrong, they are looked at one by one.
    """

    seqs: Sequence[int]
    leaves: Sequence[bytes]
    times: Sequence[str]
    one_by_one: Callable[[], Iterable[LedgerEvent]]


@dataclass(frozen=True, slots=True)
class ContentVerdict:
    """What one event shows: its problems, its head if it can be read, its erased fields."""

    problems: tuple[ContentProblem, ...]
    head: Mapping[str, Json] | None = None
    erased: tuple[str, ...] = ()


def check_contents(event: LedgerEvent, name: str) -> ContentVerdict:
    """Check one event; `name` is how messages call it."""
    problems: list[ContentProblem] = []
    calculated = leaf_hash(event.head)
    if calculated != event.leaf_hash:
        said = (
            f"{name} is not what was recorded: stored hash {event.leaf_hash.hex()}, "
            f"content gives {calculated.hex()}"
        )
        problems.append(("CONTENT_MISMATCH", said))
    try:
        head = read_canonical(event.head)
    except CanonicalError as exc:
        return ContentVerdict((*problems, ("NOT_CANONICAL", f"{name}: {exc}")))
    commitments = head.get("commitments", {}) if isinstance(head, dict) else None
    if not isinstance(head, dict) or not isinstance(commitments, dict):
        said = f"{name} is no JSON object with 'commitments' as an object of field and hash"
        return ContentVerdict((*problems, ("NOT_CANONICAL", said)))
    kept = _check_private(event, name, commitments, problems)
    return ContentVerdict(tuple(problems), head, tuple(sorted(commitments.keys() - kept)))


def _check_private(
    event: LedgerEvent,
    name: str,
    commitments: Mapping[str, object],
    problems: list[ContentProblem],
) -> set[str]:
    """Note the mistakes of personal fields among the problems; give the fields that are kept."""
    seen: set[str] = set()
    kept: set[str] = set()
    for private in event.private:
        said = _find_mistake(private, commitments, seen)
        seen.add(private.name)
        if said:
            problems.append(("COMMITMENT_MISMATCH", f"{name}, field {private.name!r}: {said}"))
        if not _is_erased(private):
            kept.add(private.name)
    return kept


def _find_mistake(
    private: PrivateField, commitments: Mapping[str, object], seen: set[str]
) -> str | None:
    if private.name in seen:
        return "is there twice"
    if private.name not in commitments:
        return "the event never committed to such a field"
    if _is_erased(private):
        return None
    if private.salt is None or private.value is None:
        return "salt and value must be both there or both erased"
    try:
        commitment = bytes.fromhex(str(commitments[private.name]))
    except ValueError:
        return "its commitment is not written in hex"
    if not verify_field(commitment, private.salt, private.name, private.value):
        return "value is FORGED: it is not what the event committed to"
    return None


def _is_erased(private: PrivateField) -> bool:
    return private.salt is None and private.value is None
