"""The errors of QTCore: what a caller, or the world, can do that breaks a promise.

It must not know any other module; mistakes in definitions and inputs are `Problem` values, see
`qtcore.definitions.problems`.

    QTCoreError
    ├── InputRejected          what was sent cannot be accepted; carries one fault per mistake
    │   └── DefinitionsRejected    packs or a site folder do not check
    ├── NotFound               the thing that was named does not exist (or is not visible here)
    ├── Ambiguous              the name fits several things; carries the candidates
    ├── Refused                a rule, guard, hold or right says no; carries the reasons
    │   └── Denied                 this person may not do it
    ├── Conflict               somebody else changed it first, or one key was used for two requests
    ├── QueryTooLarge          more fits than the caller, or we, are willing to give at once
    ├── NotSignedIn            no valid session or token
    ├── TooManyTries           too many sign-ins failed here, or too many requests come
    ├── CannotVerify           who signs cannot be verified just now; nobody is to blame
    └── StoreUnavailable       the database cannot be used as it is
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in what was sent: where it is, its stable code, and a sentence for a person.

    `where` is a JSON pointer, a row number or a field name, as fits the input.
    """

    code: str
    message: str
    where: str = ""

    def as_json(self) -> dict[str, str]:
        """Give the shape every answer uses for a fault."""
        return {"code": self.code, "message": self.message, "where": self.where}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why an action is refused.

    `code` is stable (QTnnn, or a rule id such as PH-03), `asked_by` names the pack or the part of
    the core that objects, `fix` says what to do about it, `source` cites the law or standard.
    """

    code: str
    message: str
    asked_by: str = "core"
    fix: str = ""
    source: str = ""

    def as_json(self) -> dict[str, str]:
        """Give the shape every answer uses for a refusal."""
        return {
            "code": self.code,
            "message": self.message,
            "asked_by": self.asked_by,
            "fix": self.fix,
            "source": self.source,
        }


class QTCoreError(Exception):
    """Base of all errors raised on purpose; `code` is stable, `message` is for a person."""

    code = "QT900"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InputRejected(QTCoreError):
    """Raised when an input cannot be accepted; nothing of it has been stored."""

    code = "QT400"

    def __init__(self, message: str, faults: Sequence[Fault] = (), *, code: str | None = None):
        super().__init__(message, code=code)
        self.faults = tuple(faults)


class DefinitionsRejected(InputRejected):
    """Raised when definitions with problems are asked to serve; `report` is the rendered text."""

    code = "QT401"

    def __init__(self, message: str, faults: Sequence[Fault] = (), *, report: str = "") -> None:
        super().__init__(message, faults)
        self.report = report


class NotFound(QTCoreError):
    """Raised when a named thing does not exist, or is not visible to the caller."""

    code = "QT404"


class Ambiguous(QTCoreError):
    """Raised when a name fits several things; the caller shows `candidates` and asks again.

    `asked` is the name, where it is one of several that were given.
    """

    code = "QT405"

    def __init__(
        self, message: str, candidates: Sequence[Mapping[str, object]] = (), *, asked: str = ""
    ) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)
        self.asked = asked


class Refused(QTCoreError):
    """Raised when an action is refused; `refusals` hold every reason, not only the first."""

    code = "QT409"

    def __init__(self, message: str, refusals: Sequence[Refusal] = ()) -> None:
        super().__init__(message)
        self.refusals = tuple(refusals)


class Denied(Refused):
    """Raised when the person has no right to do this; names the right that is missing."""

    code = "QT403"


class Conflict(QTCoreError):
    """Raised when the thing changed meanwhile, or one idempotency key meets another request."""

    code = "QT412"


class QueryTooLarge(QTCoreError):
    """Raised when a question has a larger answer than the caller, or we, are willing to take."""

    code = "QT762"


class NotSignedIn(QTCoreError):
    """Raised when there is no valid session or token."""

    code = "QT410"


class TooManyTries(QTCoreError):
    """Raised when somebody must wait before the next try; `seconds` says how long."""

    code = "QT468"

    def __init__(self, message: str, seconds: int, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.seconds = seconds


class CannotVerify(QTCoreError):
    """Raised when a proof of identity cannot be checked now: it was neither right nor wrong."""

    code = "QT473"


class StoreUnavailable(QTCoreError):
    """Raised when the database cannot be used as it is: too old, locked, not migrated."""

    code = "QT503"


class DatabaseDamaged(StoreUnavailable):
    """Raised when a row is not what the product has written: somebody changed it by hand."""

    code = "QT509"
