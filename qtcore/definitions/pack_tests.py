"""Tests that a pack carries in ``tests/*.yaml``: given, when, then; read strictly.

It must not know how a test is run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from qtcore.definitions.definition import Day, Flag, Id, Model, Name, Text
from qtcore.definitions.mistakes import Mistake, find_mistakes
from qtcore.definitions.problems import Problem
from qtcore.definitions.source import Path as NodePath
from qtcore.definitions.source import Positions, read_yaml

TESTS_FOLDER = "tests"
Outcome = Literal["pass", "fail", "unknown", "not_applicable"]


class GivenRecord(Model):
    """A record about the lot: its kind, the state it is in, and what was entered."""

    record: Id
    state: Name
    data: dict[Name, Any] = Field(default_factory=dict)


class GivenResult(Model):
    """A result of the lot; the verdict follows from the specification unless it is told."""

    characteristic: Name
    value: Text
    unit: Text | None = None
    verdict: Literal["pass", "fail", "none"] | None = None


class Given(Model):
    """A small story, and what it leads to.

    `uses` names stories of ``given:`` in the same file; later ones and the test's own words win.
    `item` and `lot` are extra fields, `kind` and `code` those of the item, `results`, `records` and
    `events` (ids of event types) what was recorded. `facts` sets the value of a fact directly,
    `missing` takes values of facts away. `expiry_on` is the lot's.
    """

    uses: tuple[Name, ...] = ()
    industry: Id | None = None
    kind: Name | None = None
    code: Text | None = None
    expiry_on: Day | None = None
    item: dict[Name, Any] = Field(default_factory=dict)
    lot: dict[Name, Any] = Field(default_factory=dict)
    results: tuple[GivenResult, ...] = ()
    records: tuple[GivenRecord, ...] = ()
    events: tuple[Id, ...] = ()
    facts: dict[Name, Any] = Field(default_factory=dict)
    missing: tuple[Name, ...] = ()


class Step(Model):
    """A step made before: the transition and who made it."""

    transition: Name
    by: Name


class When(Model):
    """What is asked; exactly one of `rule`, `form`, `workflow` and `recall`.

    rule: judged `on` a day. form: `enter` is submitted. workflow: `fire` is tried from `state` by
    the person `by` who holds `roles`, `signed` or not, with a `reason`, after `history`; `filled`
    names forms that are complete, `enter` is what the record says, and `objections` what the gate
    or the rules of the step say. recall: how long a `node` of the plan has for a `class`.
    """

    rule: Id | None = None
    on: Day | None = None
    form: Id | None = None
    enter: dict[Name, Any] = Field(default_factory=dict)
    workflow: Id | None = None
    state: Name | None = None
    fire: Name | None = None
    by: Name = "tester"
    roles: tuple[Id, ...] = ()
    signed: Flag = False
    reason: Text | None = None
    history: tuple[Step, ...] = ()
    filled: tuple[Id, ...] = ()
    objections: tuple[Id, ...] = ()
    recall: Id | None = None
    node: Id | None = None
    class_: Id | None = Field(default=None, alias="class")


class Refused(Model):
    """An entry of a form that is not accepted: the field and the code of the message."""

    field: Text
    code: Text


class Then(Model):
    """What is expected: exactly what the kind of question can answer.

    rule: `outcome`, and which facts it misses. form: `accepted`, or exactly these `refused`.
    workflow: the state it `moves_to`, or the codes it is `stopped` by. recall: the
    duration after which it is `due`, or `not_due` when it is not asked for.
    """

    outcome: Outcome | None = None
    missing: tuple[Name, ...] | None = None
    accepted: Flag | None = None
    refused: tuple[Refused, ...] = ()
    moves_to: Name | None = None
    stopped: tuple[Id, ...] = ()
    due: Text | None = None
    not_due: Flag | None = None


class PackTest(Model):
    """One test: given a story, when something is asked, then this is the answer."""

    name: Text | None = None
    given: Given = Given()
    when: When
    then: Then


class _TestFile(Model):
    given: dict[Name, Given] = Field(default_factory=dict)
    tests: tuple[PackTest, ...] = ()


@dataclass(frozen=True, slots=True)
class LocatedTest:
    """A test and the place it was read from, with the stories of its file."""

    test: PackTest
    file: str
    number: int
    stories: Mapping[str, Given] = field(default_factory=dict, repr=False)
    positions: Positions = field(default_factory=Positions, repr=False, compare=False)

    @property
    def line(self) -> int:
        """The line the test begins in."""
        return self.positions.closest(("tests", self.number)).line

    def problem(self, code: str, message: str, *path: str | int, suggestion: str = "") -> Problem:
        """Put a mistake at its place inside the test."""
        at = self.positions.closest(("tests", self.number, *path))
        return Problem(code, message, self.file, at.line, at.column, suggestion, length=at.length)


@dataclass(frozen=True, slots=True)
class PackTests:
    """The tests of a pack, the problems of their files, and the texts for the report."""

    tests: tuple[LocatedTest, ...] = ()
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


def find_test_files(folder: Path) -> tuple[Path, ...]:
    """List the test files of a pack folder, by name."""
    return tuple(sorted((folder / TESTS_FOLDER).rglob("*.yaml")))


def read_pack_tests(files: Iterable[Path]) -> PackTests:
    """Read test files; every mistake is a problem with its place, nothing is raised for it."""
    tests: list[LocatedTest] = []
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    for path in files:
        document = read_yaml(path.read_bytes(), path.as_posix())
        sources[path.as_posix()] = document.text
        problems.extend(document.problems)
        if document.problems:
            continue
        try:
            read = _TestFile.model_validate(document.value or {})
        except ValidationError as exc:
            mistakes = find_mistakes(_TestFile, document.value, exc)
            problems += [_placed(m, path.as_posix(), document.positions) for m in mistakes]
            continue
        tests += [
            LocatedTest(test, path.as_posix(), number, read.given, document.positions)
            for number, test in enumerate(read.tests)
        ]
    return PackTests(tuple(tests), tuple(problems), sources)


def _placed(mistake: Mistake, file: str, positions: Positions) -> Problem:
    path: NodePath = mistake.path
    at = positions.closest(path, key=mistake.on_key)
    return Problem(
        mistake.code,
        mistake.message,
        file,
        at.line,
        at.column,
        mistake.suggestion,
        length=at.length,
    )
