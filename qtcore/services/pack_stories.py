"""The story of a pack's test turned into evidence, so that facts come out of it as in production.

It must not know what is asked of the story.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from qtcore.definitions.pack_tests import Given, GivenRecord, GivenResult, LocatedTest
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.rules import FactDefinition
from qtcore.definitions.specs import SpecDefinition
from qtcore.registry.registry import Registry
from qtcore.services.evidence import LotEvidence
from qtcore.services.facts import find_facts, typed
from qtcore.services.specifications import find_characteristic, find_spec, verdict_of
from qtcore.store.queries.events import MovementRow
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import RecordRow, ResultRow

_NODE = 1
_MIDNIGHT = datetime.min.time()


def merged_story(test: LocatedTest) -> Given:
    """Lay the stories a test uses over each other, its own words last."""
    found: dict[str, Any] = {}
    for part in _parts(test.test.given, test.stories, ()):
        for name in part.model_fields_set - {"uses"}:
            value = getattr(part, name)
            if isinstance(value, Mapping):
                found[name] = {**found.get(name, {}), **value}
            elif isinstance(value, tuple):
                found[name] = (*found.get(name, ()), *value)
            else:
                found[name] = value
    # What the test tells is known again, also when a story it uses took it away.
    own = test.test.given
    gone = (n for n in found.get("missing", ()) if n in own.missing or n not in own.facts)
    return Given.model_construct(**{**found, "missing": tuple(gone)})


def _parts(given: Given, stories: Mapping[str, Given], on_way: tuple[str, ...]) -> Iterator[Given]:
    for name in given.uses:
        if name in stories and name not in on_way:
            yield from _parts(stories[name], stories, (*on_way, name))
    yield given


def story_facts(registry: Registry, given: Given, on: date) -> dict[str, object]:
    """Give the facts of a story on a day: those its evidence shows, then those told directly."""
    facts = find_facts(registry, _evidence(registry, given, on))
    declared = {d.id: d for d in registry.list("facts") if isinstance(d, FactDefinition)}
    for name, value in given.facts.items():
        read = typed(value, declared[name].type)
        if read is not None:
            facts[name] = read
    return {name: value for name, value in facts.items() if name not in given.missing}


def story_problems(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    """Name what a story speaks of although no pack declares it, or with a value of another kind."""
    told = test.test.given
    for at, name in enumerate(told.uses):
        if name not in test.stories:
            yield _unknown(test, name, test.stories, ("given", "uses", at))
    given = merged_story(test)
    facts = {d.id: d for d in registry.list("facts")}
    for name, value in given.facts.items():
        if name not in facts:
            yield _unknown(test, name, facts, ("given", "facts", name))
        elif typed(value, facts[name].type) is None:
            text = f"fact {name!r} is {value!r}; it is of type {facts[name].type}"
            yield test.problem("QT161", text, "given", "facts", name)
    for at, name in enumerate(given.missing):
        if name not in facts:
            yield _unknown(test, name, facts, ("given", "missing", at))
    for entity in ("item", "lot"):
        known = registry.fields_of(entity)
        for name in getattr(given, entity):
            if name not in known:
                yield _unknown(test, name, known, ("given", entity, name))
    for kind, words in (
        ("records", [r.record for r in given.records]),
        ("events", list(given.events)),
    ):
        for at, name in enumerate(words):
            if registry.find(kind, name) is None:
                known = {d.id: d for d in registry.list(kind)}
                yield _unknown(test, name, known, ("given", kind, at))


def _unknown(
    test: LocatedTest, name: str, known: Mapping[str, object], path: tuple[str | int, ...]
) -> Problem:
    text = f"{name!r} is not declared by this pack or the base pack"
    return test.problem("QT161", text, *path, suggestion=suggest(name, known))


def _evidence(registry: Registry, given: Given, on: date) -> LotEvidence:
    info = _lot(given)
    spec = find_spec(registry, info)
    told = datetime.combine(on, _MIDNIGHT, UTC)
    return LotEvidence(
        info=info,
        on=on,
        item_extra=given.item,
        inputs=(),
        used_at={},
        records=tuple(_record(told, n, each) for n, each in enumerate(given.records)),
        input_records=(),
        results=tuple(_result(spec, told, each) for each in given.results),
        movements=tuple(_movement(told, n, name) for n, name in enumerate(given.events)),
        hold_rows=(),
        discrepancy_rows=(),
        balance_problem="",
        required_tests=frozenset(
            c.id for c in (spec.characteristics if spec else ()) if c.required
        ),
    )


def _lot(given: Given) -> NodeInfo:
    code = given.code or "ITEM"
    return NodeInfo(
        node=_NODE,
        uid="lot",
        kind="lot",
        item_code=code,
        item_name=code,
        lot_no="LOT",
        source_code="SOURCE",
        source_name="SOURCE",
        state="testing",
        unit="kg",
        origin="recorded",
        made_at=None,
        expiry_on=given.expiry_on,
        item_kind=given.kind or "finished",
        industry=given.industry or "",
        names={},
        extra=dict(given.lot),
    )


def _record(told: datetime, number: int, each: GivenRecord) -> RecordRow:
    uid = f"record-{number}"
    return RecordRow(
        number, uid, each.record, uid, uid, each.state, dict(each.data), told, "tester", None
    )


def _result(spec: SpecDefinition | None, told: datetime, each: GivenResult) -> ResultRow:
    limits = find_characteristic(spec, each.characteristic)
    return ResultRow(
        uid=each.characteristic,
        spec=spec.id if spec else "",
        characteristic=each.characteristic,
        value=each.value,
        unit=each.unit or (limits.unit if limits and limits.unit else ""),
        limits={},
        verdict=each.verdict or verdict_of(limits, each.value),
        origin="recorded",
        measured_at=told,
        recorded_at=told,
        recorded_by="tester",
        superseded_by=None,
        reason="",
    )


def _movement(told: datetime, number: int, event: str) -> MovementRow:
    return MovementRow(
        number,
        _NODE,
        "subject",
        "observed",
        None,
        None,
        "",
        "",
        number,
        f"event-{number}",
        event,
        "observe",
        told,
        told,
        "tester",
        "",
        "",
        "",
        "",
        "",
    )
