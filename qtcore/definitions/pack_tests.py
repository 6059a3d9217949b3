"""Tests that a pack brings as YAML: given, when, then. Read with the place of every mistake.

It must not know how a test is run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from qtcore.definitions.definition import Day, Flag, Id, Model, Name, Text
from qtcore.definitions.mistakes import Mistake, find_mistakes
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.source import MAX_BYTES, Document, read_yaml

TESTS_FOLDER = "tests"
RuleVerdict = Literal["passes", "fails", "unknown", "outside"]


class GivenLot(Model):
    """A lot as the tests of a file speak of it.

    `facts` are its values by fact; `like` starts from another lot of the file. `industry` is that
    of its item, by default the pack's name; `on` is the day the rules are asked.
    """

    like: Name | None = None
    industry: Id | None = None
    on: Day | None = None
    facts: dict[Name, Any] = Field(default_factory=dict)


class StepMade(Model):
    """A step of a life cycle that was made before, and the person who made it."""

    transition: Name
    by: Text


class Given(Model):
    """What is there before.

    `lot` names one of the file's lots; `facts` change its facts, `without` takes facts away. For a
    life cycle `state` and `history` say how far it is.
    """

    lot: Name | None = None
    facts: dict[Name, Any] = Field(default_factory=dict)
    without: tuple[Name, ...] = ()
    state: Text | None = None
    history: tuple[StepMade, ...] = ()


class When(Model):
    """What is tried: a rule is asked, a transition is made, or a form is filled; one of these.

    `on` is the day, `industry` the pack of the lot's item. A transition is made `by` a person with
    `roles`, who signed with the meaning it wants when `signed` is true.
    """

    rule: Id | None = None
    on: Day | None = None
    industry: Id | None = None
    workflow: Name | None = None
    transition: Name | None = None
    by: Text = "somebody"
    roles: tuple[Name, ...] = ()
    signed: Flag = False
    reason: Text | None = None
    form: Id | None = None
    values: dict[Name, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_thing(self) -> "When":
        named = [n for n in ("rule", "workflow", "form") if getattr(self, n) is not None]
        if len(named) != 1 or (self.workflow is None) != (self.transition is None):
            raise ValueError("one of: rule, form, or workflow with transition")
        return self


class Then(Model):
    """What must come of it, where a word is not enough.

    `state` is where a life cycle went. `refused` lists codes of refusals (rules by their id) that
    must all be there; for a form it maps fields to the code of their fault.
    """

    state: Text | None = None
    refused: tuple[Text, ...] | dict[Text, Text] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Then":
        if (self.state is None) == (self.refused is None):
            raise ValueError("one of: state, refused")
        return self


class PackTest(Model):
    """One test: `then` is a verdict of a rule, ``accepted`` for a form, or what came of it."""

    name: Text | None = None
    given: Given = Field(default_factory=Given)
    when: When
    then: RuleVerdict | Literal["accepted"] | Then


class PackTestFile(Model):
    """A file of tests, and the lots they speak of."""

    lots: dict[Name, GivenLot] = Field(default_factory=dict)
    tests: tuple[PackTest, ...] = Field(default_factory=tuple)

    def lot(self, name: str) -> GivenLot:
        """Give a lot with what it takes from the lots it is like; the nearest word counts."""
        found = self.lots[name]
        if found.like is None:
            return found
        below = self.lot(found.like)
        return GivenLot(
            industry=found.industry or below.industry,
            on=found.on or below.on,
            facts={**below.facts, **found.facts},
        )


@dataclass(frozen=True, slots=True)
class LocatedTest:
    """A test with the file it stands in and its place."""

    test: PackTest
    file: PackTestFile
    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class PackTests:
    """All tests of a pack, what is wrong with their files, and the texts of these."""

    tests: tuple[LocatedTest, ...]
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]


def read_pack_tests(folder: FilePath) -> PackTests:
    """Read ``tests/*.yaml`` of a pack folder, or of the folder around it; mistakes have places."""
    found: list[LocatedTest] = []
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    for path in _files(folder):
        name = f"{TESTS_FOLDER}/{path.name}"
        with path.open("rb") as stream:
            document = read_yaml(stream.read(MAX_BYTES + 1), name)
        sources[name] = document.text
        problems += document.problems
        if not document.problems:
            tests, mistakes = _read(document, name)
            found += tests
            problems += mistakes
    return PackTests(tuple(found), tuple(problems), sources)


def _files(folder: FilePath) -> Sequence[FilePath]:
    inside = sorted((folder / TESTS_FOLDER).glob("*.yaml"))
    return inside or sorted((folder.parent / TESTS_FOLDER).glob("*.yaml"))


def _read(document: Document, name: str) -> tuple[list[LocatedTest], list[Problem]]:
    value = document.value if document.value is not None else {}
    try:
        file = PackTestFile.model_validate(value)
    except ValidationError as error:
        mistakes = find_mistakes(PackTestFile, value, error)
        return [], [_problem(document, name, each) for each in mistakes]
    lost = [_problem(document, name, each) for each in _unknown_lots(file)]
    if lost:
        return [], lost
    places = [document.positions.closest(("tests", n)) for n in range(len(file.tests))]
    tests = [
        LocatedTest(test, file, name, at.line, at.column)
        for test, at in zip(file.tests, places, strict=True)
    ]
    return tests, []


def _unknown_lots(file: PackTestFile) -> Iterator[Mistake]:
    for name in file.lots:
        yield from _lost(file, name)
    for number, test in enumerate(file.tests):
        if test.given.lot is not None and test.given.lot not in file.lots:
            text = f"there is no lot {test.given.lot!r} in this file"
            near = suggest(test.given.lot, file.lots)
            yield Mistake("QT150", text, ("tests", number, "given", "lot"), near)


def _lost(file: PackTestFile, name: str) -> Iterator[Mistake]:
    """Follow a lot to the one it is like in the end; name where that leads nowhere."""
    walked, below = [name], file.lots[name].like
    while below in file.lots and below not in walked:
        walked.append(str(below))
        below = file.lots[str(below)].like
    if below is None:
        return
    text = f"lot {walked[-1]!r} is like {below!r}, which is no lot of this file"
    if below in walked:
        text = f"lots are like each other in a circle: {' -> '.join((*walked, below))}"
    near = suggest(below, file.lots.keys() - set(walked))
    yield Mistake("QT150", text, ("lots", walked[-1], "like"), near)


def _problem(document: Document, name: str, mistake: Mistake) -> Problem:
    at = document.positions.closest(mistake.path, key=mistake.on_key)
    return Problem(
        mistake.code,
        mistake.message,
        name,
        at.line,
        at.column,
        mistake.suggestion,
        mistake.severity,
        at.length,
    )
