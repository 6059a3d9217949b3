"""I5 of delegations: what is lent is what somebody signed.

It must not know steps of life cycles.
"""

from collections.abc import Iterator
from typing import Any

from qtcore.services.integrity.ground import PERSONAL_COLUMNS, Ground, Violation, unlike
from qtcore.services.sign_content import digest_of, parts_now
from qtcore.store.ledger_rows import as_text, composed
from qtcore.store.tables import Delegation, Signature


def check_delegations(ground: Ground) -> Iterator[Violation]:
    """I5: a delegation lends what its signature says, and the history tells that it was made.

    One that was made before delegations were signed has an entry without a signature.
    """
    rows = {row.uid: row for row in ground.rows(Delegation)}
    if not rows:
        return
    parts = parts_now(ground.site, ground.session, [("delegation", uid) for uid in rows])
    signed = {
        row.subject_uid: row.subject_sha256
        for row in ground.rows(Signature)
        if row.subject_kind == "delegation"
    }
    told = {
        head["object"]["id"]: head["details"].get("signature")
        for _, head in ground.heads()
        if head["action"] == "delegation.make"
    }
    for uid, row in rows.items():
        said = ""
        if uid in signed and digest_of(parts[uid]) != signed[uid]:
            said = "it lends something else than what was signed"
        elif uid not in signed and told.get(uid):
            said = f"its signature {told[uid]} is not there"
        elif uid not in told and not ground.archived:
            said = "no entry of the history tells that it was made"
        else:
            said = _ended_otherwise(ground, row)
        if said:
            yield Violation("I5", f"delegation {uid}", said)


def _ended_otherwise(ground: Ground, row: Any) -> str:
    """Say which column of its end is not what the history told; empty when all are."""
    told = ground.told.get(row.uid)
    if told is None or row.uid in ground.archived:
        return ""
    for name in ("revoked_at", "revoked_by", "revoke_reason"):
        stored, said = as_text(row._mapping[name]) or "", told.values.get(name) or ""
        if name not in told.erased and composed(stored) != said:
            return unlike(name, stored, said, is_personal=name in PERSONAL_COLUMNS)
    return ""
