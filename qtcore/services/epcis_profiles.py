"""Judges events of partners by the profiles of the packs: chosen by party or item, told in words.

It must not know which demands there are; packs define them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs
from sqlmodel import Session, col, select

from qtcore.builtin.epcis.cbv import bare_word
from qtcore.builtin.epcis.strict_json import pointer, write_json
from qtcore.builtin.facts import TraceEvent
from qtcore.builtin.gs1 import party_code
from qtcore.definitions.profiles import Demand, Occasion, ProfileDefinition
from qtcore.errors import Fault
from qtcore.services.epcis_facts import local_name, parties_of
from qtcore.services.site import Site
from qtcore.store.tables import Item

_SPEAKERS: Final = frozenset(("informationProvider", "productOwner"))
"""Fields of an event, under any prefix, that name a party beside sources and destinations."""

_MOST_SCHEMA_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class _Facts:
    """What chooses profiles: the parties of an event and its items as they are known here."""

    parties: frozenset[str]
    items: Mapping[str, Item | None]


class ProfileJudge:
    """Judges the events of one document; without a profile it costs nothing."""

    def __init__(self, site: Site, session: Session, language: str) -> None:
        self._site = site
        self._session = session
        self._language = language
        found = site.registry.list("profiles")
        self._profiles = [p for p in found if isinstance(p, ProfileDefinition)]
        self._schemas: dict[str, Any] = {}

    def judge(self, events: Sequence[TraceEvent]) -> Iterator[tuple[TraceEvent, Fault]]:
        """Give each demand that an event does not meet, with its place."""
        chosen = [p for p in self._profiles if _can_choose(p)]
        if not chosen:
            return
        items = self._items(events)
        for event in events:
            if event.error is not None:
                continue
            facts = _Facts(frozenset(_parties(event)), {
                thing.key.item: items.get(thing.key.item) for thing in event.things
            })  # fmt: skip
            for profile in chosen:
                why = _why(profile, facts)
                if why:
                    for fault in self._faults(profile, event, why):
                        yield event, fault

    def _items(self, events: Iterable[TraceEvent]) -> dict[str, Item]:
        codes = sorted({thing.key.item for event in events for thing in event.things})
        found: dict[str, Item] = {}
        for start in range(0, len(codes), 500):
            rows = self._session.exec(
                select(Item).where(
                    Item.tenant_id == self._site.store.tenant_id,
                    col(Item.code).in_(codes[start : start + 500]),
                )
            )
            found |= {row.code: row for row in rows}
        return found

    def _faults(self, profile: ProfileDefinition, event: TraceEvent, why: str) -> Iterator[Fault]:
        registry = self._site.registry
        title = registry.text(f"profiles.{profile.id}.title", self._language)
        for one in (profile, *self._used(profile)):
            for demand in one.demands:
                if _is_about(demand.when, event):
                    lack = _lack(demand, event.document)
                    if lack:
                        words = registry.text(f"profiles.{one.id}.{demand.id}", self._language)
                        text = f"{title}: {words} ({lack}; {why})"
                        yield Fault("QT716", text, _place(demand, event))
            if one.schema_ is not None:
                yield from self._by_schema(one, event, f"{title}, {why}")

    def _used(self, profile: ProfileDefinition) -> Iterator[ProfileDefinition]:
        return (p for p in self._profiles if p.id in profile.uses)

    def _by_schema(
        self, profile: ProfileDefinition, event: TraceEvent, told: str
    ) -> Iterator[Fault]:
        if profile.id not in self._schemas:
            self._schemas[profile.id] = compile_schema(profile.schema_ or {})
        plain = json.loads(write_json(event.document))
        for count, error in enumerate(self._schemas[profile.id].iter_errors(plain)):
            if count == _MOST_SCHEMA_FAULTS:
                return
            at = event.pointer
            for step in error.instance_path:
                at = pointer(at, step)
            yield Fault("QT716", f"{told}: {error.message[:400]}", at)


def compile_schema(schema: Mapping[str, Any]) -> Any:
    """Compile the JSON Schema of a profile; raises ValueError when it is none.

    Nothing is fetched: references lead into the schema itself, see `qtcore.definitions.structure`.
    """
    options = jsonschema_rs.RegexOptions()
    return jsonschema_rs.Draft202012Validator(dict(schema), pattern_options=options)


def _can_choose(profile: ProfileDefinition) -> bool:
    return bool(profile.parties or profile.items or profile.industry or profile.item_fields)


def _why(profile: ProfileDefinition, facts: _Facts) -> str:
    """Say why a profile applies, or nothing when it does not."""
    for party in profile.parties:
        if party == "*":
            return "asked of every party"
        if party in facts.parties or party_code(party) in facts.parties:
            return f"asked of party {party}"
    for code, item in facts.items.items():
        if any(code == w or (w.endswith("*") and code.startswith(w[:-1])) for w in profile.items):
            return f"asked of item {code}"
        if item is None:
            continue
        if profile.industry and item.industry == profile.industry:
            return f"asked of item {code}, industry {item.industry}"
        for name, values in profile.item_fields.items():
            if item.extra.get(name) in values:
                return f"asked of item {code}, {name} {item.extra[name]}"
    return ""


def _parties(event: TraceEvent) -> Iterator[str]:
    named = [role.uri for role in parties_of(event)]
    named += [
        value
        for name, value in event.document.items()
        if local_name(name) in _SPEAKERS and isinstance(value, str)
    ]
    for uri in named:
        yield uri
        yield party_code(uri)


def _is_about(when: Occasion, event: TraceEvent) -> bool:
    steps = {bare_word("bizStep", step) for step in when.biz_steps}
    return (
        (not when.event_types or event.kind in when.event_types)
        and (not when.actions or event.action in when.actions)
        and (not steps or event.biz_step in steps)
    )


def _lack(demand: Demand, document: Mapping[str, Any]) -> str:
    """Say what is missing or not accepted, or nothing."""
    missing = [path for path in demand.needs if not any(True for _ in _values(document, path))]
    if missing:
        return f"{', '.join(missing)} is missing"
    if demand.any_of and not any(True for path in demand.any_of for _ in _values(document, path)):
        return f"one of {', '.join(demand.any_of)} is needed"
    if demand.one_of:
        path = (*demand.needs, *demand.any_of)[0]
        wrong = [str(v) for v in _values(document, path) if str(v) not in demand.one_of]
        if wrong:
            return f"{path} is {wrong[0][:60]!r}; accepted: {', '.join(demand.one_of)}"
    return ""


def _values(value: Any, path: str) -> Iterator[Any]:
    """Give what stands at a path and says something; lists are looked into."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif not path:
        if value not in (None, "", {}) and str(value).strip():
            yield value
    elif isinstance(value, Mapping):
        name, _, rest = path.partition("/")
        for key, each in value.items():
            if key == name or local_name(key) == name:
                yield from _values(each, rest)


def _place(demand: Demand, event: TraceEvent) -> str:
    """Lead to the last part of the path that is there."""
    paths = (*demand.needs, *demand.any_of)
    value: Any = event.document
    at = event.pointer
    for name in paths[0].split("/") if len(paths) == 1 else ():
        if not isinstance(value, Mapping):
            break
        key = next((k for k in value if name in (k, local_name(k))), None)
        if key is None:
            break
        value, at = value[key], pointer(at, key)
    return at or "/"
