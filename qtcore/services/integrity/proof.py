"""I1, I8, I10, I12, I13: answers, seals, borders of companies, versions, refusals.

It must not read quantities or life cycles.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select, text

from qtcore.engines.ledger import canonical_bytes
from qtcore.engines.ledger.canonical import CanonicalError
from qtcore.services.audit import trust_of
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.sealing import ALARM_AFTER, read_sealing
from qtcore.store.claims import check_tiles
from qtcore.store.columns import Row, table_of
from qtcore.store.history import verify_store
from qtcore.store.proofs import find_checkpoint
from qtcore.store.sealing import INSTANCE
from qtcore.store.tables import (
    Attachment,
    IdempotencyKey,
    LedgerAbout,
    LedgerEvent,
    RecordRevision,
    UserAccount,
)

_SECRET: Final = re.compile(r"pass(word|phrase)|secret|token_hash|csrf|authorization", re.I)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What was promised for minutes and never was a record.
_PASSING: Final = {"intent_id"}
_REFUSED: Final = ("denied", "refused", "failed", "locked")
# Rows of the log of the instance stand under no company.
_WITHOUT_COMPANY: Final = {"ledger_tile", "ledger_checkpoint"}
# One statement for all tables: to put seventy together took longer than to run them.
_HOMELESS: Final = text(
    " UNION ALL ".join(
        f"SELECT '{table.name}', count(*) FROM {table.name} "  # noqa: S608  # names of our own
        "WHERE tenant_id NOT IN (SELECT id FROM tenant)"
        for table in Row.metadata.sorted_tables
        if "tenant_id" in table.c and table.name not in _WITHOUT_COMPANY
    )
)


def check_answers(ground: Ground, journal: Sequence[str] = ()) -> Iterator[Violation]:
    """I1: what an answer named as made is there; `journal` holds ids that a client was told."""
    about = table_of(LedgerAbout)
    known = set(
        ground.session.execute(
            select(about.c.uid).where(about.c.tenant_id == ground.tenant).distinct()
        ).scalars()
    )
    known |= ground.archived  # an archive took away what tells of them
    known |= {row.uid for row in ground.rows(LedgerEvent)}
    known |= {row.uid for row in ground.rows(Attachment)}
    for row in ground.rows(IdempotencyKey):
        for name, value in told_ids(row.answer).items() if 200 <= row.status < 300 else ():
            if value not in known:
                said = f"the answer told of {name} {value}, which is not there"
                yield Violation("I1", f"request with key {row.key!r}", said)
    for line in journal:
        if line.strip() and line.strip() not in known:
            yield Violation("I1", line.strip(), "a client was told of it, and it is not there")


def told_ids(kept: Any) -> dict[str, str]:
    """Name the public ids in a kept answer; what else ends in `_id` is what the asker wrote."""
    content = kept.get("content") if isinstance(kept, dict) else None
    return {
        name: value
        for name, value in (content.items() if isinstance(content, dict) else ())
        if name.endswith("_id")
        and name not in _PASSING
        and isinstance(value, str)
        and _UID.fullmatch(value)
    }


def check_seals(ground: Ground) -> Iterator[Violation]:
    """I8: all is sealed within a minute, and the whole history verifies."""
    state = read_sealing(ground.site)
    if ground.is_serving and state.lag > ALARM_AFTER:
        said = f"{state.pending} entries wait for their seal, the oldest for {state.lag}"
        yield Violation("I8", "ledger", said)
    verdict = verify_store(ground.site.store, trust_of(ground.site))
    for problem in verdict.problems:
        place = "ledger" if problem.seq is None else f"ledger event {problem.seq}"
        yield Violation("I8", place, f"{problem.kind}: {problem.message}")
    for tenant in (ground.tenant, INSTANCE):
        newest = find_checkpoint(ground.session, tenant)
        size = newest.size if newest else 0
        for said in check_tiles(ground.session, tenant, size):
            log = "log of the instance" if tenant == INSTANCE else "ledger"
            yield Violation("I8", log, f"{said}: no proof can be made from it")


def check_borders(ground: Ground) -> Iterator[Violation]:
    """I10: no row belongs to a company that is not, no reference or index leads nowhere."""
    for name, count in ground.session.execute(_HOMELESS):
        if count:
            yield Violation("I10", name, f"{count} rows belong to no known company")
    if ground.site.store.dialect == "sqlite":
        broken = ground.session.execute(text("PRAGMA foreign_key_check")).all()
        for row in broken[:20]:
            said = f"row {row[1]} refers to a row of {row[2]} that is not in its company"
            yield Violation("I10", row[0], said)
        for (said,) in ground.session.execute(text("PRAGMA integrity_check(20)")):
            if said != "ok":
                yield Violation("I10", "database file", said)


def check_versions(ground: Ground) -> Iterator[Violation]:
    """I12: a stored definition and a stored revision still have the hash they were stored under."""
    for row in ground.definitions.values():
        if _hash(row.body) != row.fingerprint:
            said = f"version {row.number} of {row.kind} {row.name} is not what was published"
            yield Violation("I12", f"definition {row.name}", said)
    for row in ground.rows(RecordRevision):
        if _hash(row.data) != row.content_sha256:
            said = f"revision {row.revision} is not what was entered"
            yield Violation("I12", f"record {row.record_id}", said)


def _hash(content: Any) -> str:
    try:
        return sha256(canonical_bytes(content)).hexdigest()
    except CanonicalError:
        return ""


def check_refusals(ground: Ground) -> Iterator[Violation]:
    """I13: refused attempts are told of, without secrets and without signs that forge log lines."""
    failures: dict[str, int] = {}
    for row, head in ground.heads():
        action = str(head["action"])
        if action == "sign_in.failed":
            uid = str(head["object"]["id"])
            failures[uid] = failures.get(uid, 0) + 1
        if not action.endswith(_REFUSED):
            continue
        place = f"entry {row.uid} ({action})"
        names = [*head["details"], *(change[0] for change in head["changes"])]
        for name in names:
            if _SECRET.search(str(name)):
                yield Violation("I13", place, f"it tells of {name!r}, which is a secret")
        if _CONTROL.search(str(head.get("reason", ""))):
            yield Violation("I13", place, "its reason holds control characters")
        if not head.get("actor") and not head.get("commitments"):
            yield Violation("I13", place, "it does not say who tried")
    for account in ground.rows(UserAccount):
        if account.uid in ground.archived:
            continue  # the entries of its failures may be in an archive
        if account.failed_sign_ins > failures.get(account.uid, 0):
            said = (
                f"{account.failed_sign_ins} failed sign-ins are counted, the ledger tells of "
                f"{failures.get(account.uid, 0)}"
            )
            yield Violation("I13", f"user {account.login}", said)
