"""One effect per key: claims a key before the work, keeps the answer, gives it again.

It must not know HTTP; an answer is a status and plain data. A kept answer is given to the rights
only under which it came about: what it tells may have been asked for with more than is held now.
An answer is kept for some days (`qtcore.services.spent_keys`); that its key was used, for ever.
"""

import json
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import Conflict, Denied, Refusal
from qtcore.services.site import Site
from qtcore.store.tables import IdempotencyKey

MAX_KEY = 200
# No key that is sent begins with a space, see `spent_name`.
_SPENT: Final = " spent "
RUNNING = 0
_UNDER: Final = "authority"
# A request that runs longer than this is answered "still running"; it is never run twice.
WAIT_SECONDS = 10.0
LOOK_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that was given the first time."""

    status: int
    answer: dict[str, Any]


def claim_key(site: Site, context: Context, key: str, request_sha256: str) -> Kept | None:
    """Claim a key: None means this request goes first; else the answer of the one that did.

    Raises Conflict when the key belongs to another request, or when the first one has not ended:
    then its outcome is looked up, never repeated. Raises Denied when its answer came about under
    other rights than are held now.
    """
    if _insert(site, context, key, request_sha256):
        return None
    until = time.monotonic() + WAIT_SECONDS
    while True:
        row = _find(site, context, key)
        if row is None:
            if _insert(site, context, key, request_sha256):
                return None
            continue
        if not row.request_sha256:
            raise Conflict(
                f"the request with Idempotency-Key {key!r} took effect or was cut off at "
                f"{row.created_at.isoformat()}; its answer is no longer kept: look up what it "
                "made, and use a new key for a new request",
                code="QT644",
            )
        if row.request_sha256 != request_sha256:
            raise Conflict(
                f"Idempotency-Key {key!r} was used for another request; use a new key for a new "
                "request",
                code="QT456",
            )
        if row.status != RUNNING:
            return Kept(row.status, _given_to(context, key, row))
        if time.monotonic() > until:
            raise Conflict(
                f"the request with Idempotency-Key {key!r} is still running or was cut off; look "
                "whether it took effect before you send it with a new key",
                code="QT457",
            )
        time.sleep(LOOK_EVERY)


def keep_answer(
    site: Site, context: Context, key: str, *, status: int, answer: dict[str, Any]
) -> None:
    """Keep the answer of the request that claimed the key, for the rights it came about under."""
    kept = {**answer, _UNDER: authority_of(context)} if answer else {}
    with site.store.write(context) as work:
        work.session.execute(
            update(IdempotencyKey)
            .where(*_is_kept(site, context, key))
            .values(status=status, answer=kept)
        )


def spent_name(key: str) -> str:
    """Give the name a key is remembered by when its answer is gone; it may hold a name itself."""
    return key if is_spent_name(key) else f"{_SPENT}{sha256(key.encode()).hexdigest()}"


def is_spent_name(key: str) -> bool:
    """Say whether this is such a name already; it holds nothing of the key."""
    return key.startswith(_SPENT)


def authority_of(context: Context) -> str:
    """Give a digest of what somebody may do: rights, roles and where, and what narrows a token."""
    actor = context.actor
    told = {
        "permissions": sorted(actor.permissions),
        "roles": sorted(actor.roles),
        "site_roles": sorted(actor.site_roles),
        "scope": None if actor.scope is None else sorted(actor.scope),
        "site": actor.bound_site,
    }
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _given_to(context: Context, key: str, row: IdempotencyKey) -> dict[str, Any]:
    if row.answer and row.answer.get(_UNDER) != authority_of(context):
        said = (
            f"the answer kept under Idempotency-Key {key!r} came about under other rights than "
            "this token or person holds now"
        )
        fix = "ask with the token that sent it first, or read what was made by its own address"
        raise Denied(f"{context.actor.login}: {said}", [Refusal("QT407", said, fix=fix)])
    return {name: value for name, value in row.answer.items() if name != _UNDER}


def free_key(site: Site, context: Context, key: str) -> None:
    """Give a key back after a request that was refused: it had no effect."""
    with site.store.write(context) as work:
        work.session.execute(delete(IdempotencyKey).where(*_is_kept(site, context, key)))


def _insert(site: Site, context: Context, key: str, request_sha256: str) -> bool:
    try:
        with site.store.write(context) as work:
            if _read(site, context, key, work.session) is not None:
                return False
            work.session.execute(
                insert(IdempotencyKey).values(
                    tenant_id=site.store.tenant_id,
                    user_id=context.actor.user_id or 0,
                    key=key,
                    request_sha256=request_sha256,
                    status=RUNNING,
                    answer={},
                    created_at=context.at,
                )
            )
    except Conflict:
        return False
    return True


def _find(site: Site, context: Context, key: str) -> IdempotencyKey | None:
    with site.store.read() as session:
        return _read(site, context, key, session)


def _read(site: Site, context: Context, key: str, session: Session) -> IdempotencyKey | None:
    """Read the row of a key, or what is remembered of it when its answer is gone."""
    return session.exec(select(IdempotencyKey).where(*_named(site, context, key))).first()


def _is_kept(site: Site, context: Context, key: str) -> tuple[Any, ...]:
    """Say which row a running request claimed; an erasure may have taken the key's name away."""
    return (*_named(site, context, key), col(IdempotencyKey.request_sha256) != "")


def _named(site: Site, context: Context, key: str) -> tuple[Any, ...]:
    return (
        col(IdempotencyKey.tenant_id) == site.store.tenant_id,
        col(IdempotencyKey.user_id) == (context.actor.user_id or 0),
        col(IdempotencyKey.key).in_([key, spent_name(key)]),
    )
