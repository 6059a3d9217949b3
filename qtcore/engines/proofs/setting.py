"""What a proof stands on: roles, rules of gates, and a judge of conditions.

It must not know expressions; the judge does, and a proof believes only what it is sure of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["possible", "impossible", "undecided"]


@dataclass(frozen=True, slots=True)
class Instant:
    """Conditions that are true at one moment, as they are written.

    `guards` are written in the life cycle, `checks` in rules, which know fewer names. `refused` are
    guards that are not true at that moment: false, or without an answer.
    """

    guards: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says of some instants; `example` names values, ready to be read."""

    outcome: Outcome
    example: str = ""


class Judge(Protocol):
    """Decides whether instants can follow each other for one lot or record."""

    def decide(self, instants: Sequence[Instant]) -> Judgement:
        """Say whether every one of them can come true, in this order."""

    def lasts(self, guard: str) -> bool:
        """Say whether a guard speaks of facts that never change: only these bind later steps."""


@dataclass(frozen=True, slots=True)
class GateRule:
    """A rule of a gate. `is_binding`: a lot that fails it is stopped, if only until a signed
    override. `check` is its expression when it applies to every lot at any time, else nothing.
    """

    id: str
    is_binding: bool
    check: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything around a life cycle that its proofs use.

    `movers` are the roles that hold the right to make transitions of its subject; `meanings` are
    the meanings of signatures that some language has a text for.
    """

    judge: Judge
    movers: frozenset[str]
    meanings: frozenset[str] = frozenset()
    gates: Mapping[str, tuple[GateRule, ...]] = field(default_factory=dict)
