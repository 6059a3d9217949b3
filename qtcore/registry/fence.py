"""The fence around a pack: what it gives back is checked, and whatever goes wrong is a value.

It must not know pluggy, nor whether the pack runs in this process or in one of its own.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from qtcore.definitions.problems import Problem
from qtcore.definitions.read import HEAD_FILE, PackFolder
from qtcore.definitions.recalls import RecallNode
from qtcore.definitions.signs import find_hidden, without_hidden
from qtcore.errors import Refusal
from qtcore.hookspecs import Channel, ExchangeFormat, FactValue, GiveFact

MAX_RESULTS = 1_000
_LOG = logging.getLogger("qtcore.hooks")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A pack that could not do what it was asked: which, in which hook, and what happened."""

    pack: str
    hook: str
    message: str
    file: str = ""

    def as_problem(self) -> Problem:
        """Say it as the problem that switches the pack off."""
        message = (
            f"pack {self.pack!r} failed in {self.hook}: {self.message}; it is switched off with "
            "all it brings until it is mended"
        )
        return Problem("QT122", message, self.file or f"{self.pack}/{HEAD_FILE}")

    def as_refusal(self) -> Refusal:
        """Say it as a reason not to act."""
        message = f"pack {self.pack!r} could not judge ({self.hook}): {self.message}"
        fix = "Mend or remove the pack; until then this is refused."
        return Refusal("QT901", message, asked_by=self.pack, fix=fix)


class PackFailed(Exception):
    """Raised in place of what went wrong in a pack's own process; its text says all of it."""


def fenced(
    pack: str, hook: str, call: Callable[[], object], check: Callable[[object], _T]
) -> tuple[_T] | Failure:
    """Call a pack; whatever goes wrong, also while its result is read, is a value."""
    try:
        return (check(call()),)
    except (Exception, SystemExit) as exc:
        _LOG.warning("pack %s failed in %s", pack, hook, exc_info=True)
        return Failure(pack, hook, _say(exc))


def _say(exc: BaseException) -> str:
    try:
        said = without_hidden(str(exc)[:300])  # a file name of other bytes, say: it is shown
    except Exception:
        said = "its message cannot be shown"
    return said if isinstance(exc, PackFailed) else f"{type(exc).__name__}: {said}"


def checked_folder(result: object) -> PackFolder:
    if not isinstance(result, PackFolder):
        raise TypeError(f"returned {_type_of(result)}, a PackFolder is accepted")
    return result


def checked_list(kind: type[_T], result: object) -> tuple[_T, ...]:
    if result is None:
        return ()
    if isinstance(result, str | bytes | Mapping) or not isinstance(result, Iterable):
        raise TypeError(f"returned {_type_of(result)}, a list of {kind.__name__} is accepted")
    items = tuple(islice(result, MAX_RESULTS + 1))
    if len(items) > MAX_RESULTS:
        raise ValueError(f"returned more than {MAX_RESULTS} values")
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"returned {_type_of(item)} in its list, {kind.__name__} is accepted")
    return items


def checked_refusals(result: object) -> tuple[Refusal, ...]:
    refusals = checked_list(Refusal, result)
    for refusal in refusals:
        if not all(isinstance(text, str) for text in refusal.as_json().values()):
            raise TypeError("returned a Refusal whose parts are not texts")
        if not refusal.code or not refusal.message:
            raise ValueError("returned a Refusal without code or message")
        _require_shown(*refusal.as_json().values())
    return refusals


def checked_givers(result: object) -> Mapping[str, GiveFact]:
    if result is None:
        return {}
    if not isinstance(result, Mapping) or not all(map(callable, result.values())):
        raise TypeError(
            f"returned {_type_of(result)}, a mapping of fact ids to functions is accepted"
        )
    return dict(result)


def checked_fact(result: object) -> FactValue:
    if isinstance(result, list | tuple) and all(isinstance(item, str) for item in result):
        _require_shown(*result)
        return tuple(result)
    if isinstance(result, str):
        _require_shown(result)
    if isinstance(result, Decimal) and not result.is_finite():
        raise ValueError(f"returned {result}, which is no number to decide by")
    if result is None or isinstance(result, bool | int | Decimal | str | date):
        return result
    raise TypeError(f"returned {_type_of(result)}, which no fact can hold")


def _require_shown(*texts: str) -> None:
    """Refuse a text that no database or page would take, or that reads other than it runs."""
    for text in texts:
        hidden = find_hidden(text)
        if hidden is not None:
            raise ValueError(f"returned a text with {hidden}")


def checked_nothing(_: object) -> None:
    return None


def _type_of(value: object) -> str:
    return f"a {type(value).__name__}"


CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "contribute_definitions": checked_folder,
    "contribute_formats": partial(checked_list, ExchangeFormat),
    "contribute_channels": partial(checked_list, Channel),
    "contribute_recall_nodes": partial(checked_list, RecallNode),
    "contribute_facts": checked_givers,
    "judge_receipt": checked_refusals,
    "judge_transition": checked_refusals,
    "judge_release": checked_refusals,
    "judge_shipment": checked_refusals,
    "judge_recall_closure": checked_refusals,
    "after_event": checked_nothing,
    "after_transition": checked_nothing,
}
"""What the result of each hook must be: a check gives it typed, or raises what is wrong with it."""
