"""Slows guessing down: failed sign-ins are counted by account and by address, also over a restart.

It must not know passwords or whether a login exists: an unknown one is counted like a known one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, select

from qtcore.errors import TooManyTries
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import Throttle

_TABLE: Final = table_of(Throttle)


@dataclass(frozen=True, slots=True)
class Brake:
    """After `most` failures `within` a time, nothing is tried again for `rest`."""

    name: str
    most: int
    within: timedelta
    rest: timedelta


ACCOUNT: Final = Brake("account", 10, timedelta(minutes=15), timedelta(minutes=15))
# Many people may stand behind one address of a plant: it takes more to stop them all.
ADDRESS: Final = Brake("address", 60, timedelta(minutes=15), timedelta(minutes=5))

# Longer than any window with the rest after it.
_KEPT: Final = timedelta(hours=1)


def check_throttle(site: Site, login: str, ip: str) -> None:
    """Raise TooManyTries while this login or this address rests; nothing is hashed then."""
    now = site.sources.now()
    with site.store.read() as session:
        for bucket, _ in _buckets(login, ip):
            row = _find(session, site.store.tenant_id, bucket)
            until = _aware(row.blocked_until) if row else None
            if until is not None and until > now:
                seconds = int((until - now).total_seconds()) + 1
                raise TooManyTries(
                    f"too many sign-ins failed here; try again in {-(-seconds // 60)} min", seconds
                )


def count_failed(site: Site, login: str, ip: str) -> None:
    """Count a failed sign-in; the last one that is borne begins the rest.

    An empty login counts for the address alone.
    """
    now = site.sources.now()
    with site.store.plumbing() as session:
        for bucket, brake in _buckets(login, ip):
            row = _find(session, site.store.tenant_id, bucket)
            if row is None:
                _forget_old(session, site.store.tenant_id, now)
                row = Throttle(tenant_id=site.store.tenant_id, bucket=bucket, since=now)
            since = _aware(row.since)
            is_over = since is not None and now - since > brake.within
            failures = 1 if is_over else row.failures + 1
            row.failures, row.since = failures, now if is_over else row.since
            if failures >= brake.most:
                row.blocked_until, row.failures = now + brake.rest, 0
            session.add(row)


def forget_failures(site: Site, login: str) -> None:
    """Count anew after somebody signed in; the address keeps its count."""
    with site.store.read() as session:
        bucket = _bucket(ACCOUNT, login.lower())
        if _find(session, site.store.tenant_id, bucket) is None:
            return
    with site.store.plumbing() as session:
        row = _find(session, site.store.tenant_id, bucket)
        if row is not None:
            session.delete(row)


def _buckets(login: str, ip: str) -> Iterator[tuple[str, Brake]]:
    if login:
        yield _bucket(ACCOUNT, login.lower()), ACCOUNT
    if ip:
        yield _bucket(ADDRESS, ip), ADDRESS


def _bucket(brake: Brake, text: str) -> str:
    """Name a counter without naming a person: what was typed may be a password."""
    return f"{brake.name}:{sha256(text.encode()).hexdigest()}"


def _forget_old(session: Session, tenant_id: int, now: datetime) -> None:
    """Take away what counts no more: whoever tries ever new logins must not fill the table."""
    session.execute(
        delete(_TABLE).where(_TABLE.c.tenant_id == tenant_id, _TABLE.c.since < now - _KEPT)
    )


def _find(session: Session, tenant_id: int, bucket: str) -> Throttle | None:
    return session.exec(
        select(Throttle).where(Throttle.tenant_id == tenant_id, Throttle.bucket == bucket)
    ).first()


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
