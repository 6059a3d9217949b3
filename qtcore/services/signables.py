"""What an intent to sign can be over, and what each kind knows: as whom, what stops it, how.

It must not know any one kind; see `qtcore.services.sign_intents` for the list of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Refusal
from qtcore.services.sign_proofs import Proven
from qtcore.services.site import Site
from qtcore.store.tables import SignIntent
from qtcore.store.unit import UnitOfWork

UseUp = Callable[[UnitOfWork, Sequence[Mapping[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is frozen: the roles it is signed with, the acts as asked, the text of each signature.

    Each act names its `kind` and what it is about (`uid`, `name`); each item its `name`, the
    `demand` and the canonical `text`.
    """

    roles: frozenset[str]
    acts: Sequence[Mapping[str, Any]]
    items: Sequence[Mapping[str, Any]]


class Signable(Protocol):
    """One kind of what an intent is over."""

    def act_as(self, site: Site, context: Context, row: SignIntent) -> Context:
        """Give the context in which it is signed; raises Denied when it may be no more."""

    def objections(
        self, site: Site, session: Session, context: Context, demand: SignatureDemand
    ) -> list[Refusal]:
        """Say why a signature of this person would not count yet."""

    def make(
        self, site: Site, context: Context, row: SignIntent, signed: tuple[Proven, UseUp]
    ) -> list[dict[str, Any]]:
        """Make what was signed, with its signatures, in one transaction in which `signed` uses the
        intent up; gives what was made. Raises Refused, Conflict, InputRejected."""


def item_of(name: str, demand: SignatureDemand, text: str) -> dict[str, Any]:
    """Give one item of what is frozen."""
    return {"name": name, "demand": demand.model_dump(mode="json"), "text": text}
