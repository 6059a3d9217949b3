"""I5 of delegations: what is lent is what somebody signed.

It must not know steps of life cycles.
"""

from collections.abc import Iterator

from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.sign_content import digest_of, parts_now
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
    for uid in rows:
        said = ""
        if uid in signed and digest_of(parts[uid]) != signed[uid]:
            said = "it lends something else than what was signed"
        elif uid not in signed and told.get(uid):
            said = f"its signature {told[uid]} is not there"
        elif uid not in told and not ground.archived:
            said = "no entry of the history tells that it was made"
        if said:
            yield Violation("I5", f"delegation {uid}", said)
