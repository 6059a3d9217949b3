"""Time stamps (RFC 3161) over checkpoints: an authority outside says when a state existed.

It must not trust an answer: each stamp is verified against the configured certificate before it is
kept.
"""

import base64
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import structlog
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from sqlalchemy import Select, func, insert, select
from sqlmodel import Session

from qtcore.errors import QTCoreError
from qtcore.services.outgoing import Question, ask
from qtcore.services.sealing import aware
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.outposts import StampAuthority
from qtcore.store.proofs import find_checkpoint, note_body
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.tables import LedgerStamp

EVERY: Final = timedelta(days=1)
TIMEOUT: Final = 20
_STAMP: Final = table_of(LedgerStamp)
_LOG = structlog.get_logger("qtcore.stamps")


class StampRefused(QTCoreError):
    """Raised when an authority gives no stamp that its certificate confirms."""

    code = "QT622"


def stamp_when_due(site: Site) -> int:
    """Ask each authority for a stamp once a day; a failure is named and stops nobody's work."""
    made = 0
    for authority in site.outposts.authorities:
        if not _is_due(site, authority):
            continue
        try:
            made += stamp_newest(site, authority) is not None
        except (QTCoreError, OSError) as error:
            _LOG.warning("no time stamp", authority=authority.name, error=str(error)[:300])
    return made


def stamp_newest(site: Site, authority: StampAuthority) -> datetime | None:
    """Have the newest checkpoint stamped and keep the stamp; None when it has one already."""
    tenant = site.store.tenant_id
    with site.store.read() as session:
        newest = find_checkpoint(session, tenant)
        if newest is None or _find(session, tenant, newest.size, authority.name) is not None:
            return None
    content = note_body(newest.note).encode()
    builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    answer = _ask(authority, request.as_bytes())
    at = check_stamp(answer, content, _certificates(authority), nonce=request.nonce)
    row = {"tenant_id": tenant, "size": newest.size, "authority": authority.name}
    with site.store.plumbing() as session:
        session.execute(insert(_STAMP), {**row, "token": answer, "stamped_at": at})
    return at


def check_stamp(
    answer: bytes, content: bytes, certificates: list[Certificate], *, nonce: int | None = None
) -> datetime:
    """Give the time an authority stamped `content` at; raises StampRefused when it did not."""
    builder = VerifierBuilder(nonce=nonce)
    builder = builder.tsa_certificate(certificates[0])
    for each in certificates:
        builder = builder.add_root_certificate(each)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, content)
    except (VerificationError, ValueError) as exc:
        raise StampRefused(f"the time stamp does not hold: {exc}") from exc
    at: datetime = response.tst_info.gen_time
    return aware(at)


def check_known_stamp(answer: bytes, content: bytes, authority: StampAuthority) -> datetime:
    """Give the time of a kept stamp; its certificate may be a former one, below the present one.

    Raises StampRefused when none of the authority's certificates confirms it.
    """
    certificates = _certificates(authority)
    for each in certificates[1:]:
        try:
            return check_stamp(answer, content, [each, *certificates])
        except StampRefused:
            continue
    return check_stamp(answer, content, certificates)


def list_stamps(session: Session, tenant_id: int, sizes: set[int]) -> list[dict[str, Any]]:
    """List the stamps over checkpoints of these sizes, as a proof file holds them."""
    rows = rows_for(session, _stamps, tenant_id, sizes)
    return [
        {
            "size": row.size,
            "authority": row.authority,
            "token": base64.b64encode(bytes(row.token)).decode(),
        }
        for row in rows
    ]


@cache
def _stamps(dialect: str) -> Select[Any]:
    return select(_STAMP).where(_STAMP.c.tenant_id == TENANT, among(dialect, _STAMP.c.size))


def _is_due(site: Site, authority: StampAuthority) -> bool:
    with site.store.read() as session:
        last = session.execute(
            select(func.max(_STAMP.c.stamped_at)).where(
                _STAMP.c.tenant_id == site.store.tenant_id, _STAMP.c.authority == authority.name
            )
        ).scalar_one()
    return last is None or site.sources.now() - aware(last) >= EVERY


def _find(session: Any, tenant: int, size: int, authority: str) -> Any:
    return session.execute(
        select(_STAMP.c.size).where(
            _STAMP.c.tenant_id == tenant, _STAMP.c.size == size, _STAMP.c.authority == authority
        )
    ).first()


def _certificates(authority: StampAuthority) -> list[Certificate]:
    return load_pem_x509_certificates(authority.certificate.read_bytes())


def _ask(authority: StampAuthority, request: bytes) -> bytes:
    told = ask(
        Question(
            authority.url,
            data=request,
            headers={"content-type": "application/timestamp-query"},
            timeout=TIMEOUT,
            is_private_allowed=authority.is_private,
        )
    )
    if told.status != 200:
        raise StampRefused(f"{authority.name} answers {told.status}")
    return told.content
