"""Every mistake in one shape: RFC 9457 for programs, one page for people.

It must not know services; what is unknown becomes a 500 without its inside, logged with its id.
"""

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.exceptions import HTTPException

from qtcore.errors import (
    Ambiguous,
    CannotVerify,
    Conflict,
    Denied,
    Fault,
    InputRejected,
    NotFound,
    NotSignedIn,
    QTCoreError,
    QueryTooLarge,
    Refusal,
    Refused,
    StoreUnavailable,
    TooManyTries,
)

MEDIA_TYPE = "application/problem+json"

# The most specific error first: Denied is a Refused.
STATUS: tuple[tuple[type[QTCoreError], int], ...] = (
    (InputRejected, 400),
    (NotFound, 404),
    (Ambiguous, 409),
    (Denied, 403),
    (Refused, 409),
    (Conflict, 409),
    (NotSignedIn, 401),
    (TooManyTries, 429),
    (QueryTooLarge, 413),
    (CannotVerify, 503),
    (StoreUnavailable, 503),
)

TITLES: Mapping[int, str] = {
    400: "The request cannot be accepted",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    406: "Cannot be given in that form",
    405: "This address does not take that method",
    408: "The request came too slowly",
    409: "Refused",
    413: "Too large",
    415: "Wrong kind of content",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available now",
}


class WebRefusal(QTCoreError):
    """A mistake that only the web knows: wrong content type, too large, no CSRF token."""

    code = "QT414"

    def __init__(
        self, message: str, status: int, *, code: str | None = None, allow: str = ""
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.allow = allow


@dataclass(frozen=True, slots=True)
class Problem:
    """What is answered when something is wrong."""

    status: int
    detail: str
    code: str
    faults: tuple[Fault, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    candidates: tuple[Mapping[str, object], ...] = ()
    request_id: str = ""
    allow: str = ""
    seconds: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to this kind of mistake."""
        found = {"www-authenticate": 'Bearer realm="qtcore"'} if self.status == 401 else {}
        if self.allow:
            found["allow"] = self.allow
        if self.seconds:
            found["retry-after"] = str(self.seconds)
        return found

    @property
    def title(self) -> str:
        """Name the kind of problem; equal for equal status."""
        return TITLES.get(self.status, "The request failed")

    def as_json(self) -> dict[str, Any]:
        """Give the RFC 9457 object with our own members."""
        return {
            "type": f"urn:qtcore:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "faults": [f.as_json() for f in self.faults],
            "refusals": [r.as_json() for r in self.refusals],
            "candidates": [dict(c) for c in self.candidates],
            "request_id": self.request_id,
        }

    def as_bytes(self) -> bytes:
        """Give the JSON text."""
        return json.dumps(self.as_json(), ensure_ascii=False).encode()


def problem_of(error: Exception, request_id: str) -> Problem:
    """Turn any exception into a problem; the inside of an unknown one is not told."""
    if isinstance(error, WebRefusal):
        return Problem(
            error.status, error.message, error.code, request_id=request_id, allow=error.allow
        )
    if isinstance(error, QTCoreError):
        return Problem(
            next((status for kind, status in STATUS if isinstance(error, kind)), 500),
            error.message,
            error.code,
            getattr(error, "faults", ()),
            getattr(error, "refusals", ()),
            getattr(error, "candidates", ()),
            request_id,
            seconds=getattr(error, "seconds", 0),
        )
    if isinstance(error, HTTPException):
        return _of_router(error, request_id)
    return Problem(
        500,
        "an unexpected error happened; nothing was stored by this request. Tell your administrator "
        f"the request number {request_id}",
        "QT900",
        request_id=request_id,
    )


def log_failure(logger: Any, error: Exception, problem: Problem) -> None:
    """Log what is the fault of no client: a refusal in one line, what is unexpected with its trace.

    A refusal that has a cause, such as a disk that is full, names it.
    """
    if problem.status < 500:
        return
    if isinstance(error, QTCoreError) and problem.status != 500:
        cause = "" if error.__cause__ is None else repr(error.__cause__)[:300]
        logger.warning("not available", code=error.code, error=error.message, cause=cause)
        return
    trace = "".join(traceback.format_exception(error))
    logger.error("unexpected", error=type(error).__name__, trace=trace)


def _of_router(error: HTTPException, request_id: str) -> Problem:
    words = {
        404: (
            "there is nothing at this address; /api/docs lists the addresses of the API",
            "QT404",
        ),
        405: ("this address does not take that method; /api/docs lists what it takes", "QT415"),
    }
    status = error.status_code
    detail, code = words.get(status, (TITLES.get(status, "the request failed"), "QT414"))
    return Problem(status, detail, code, request_id=request_id)
