"""What a recall starts from: named lots, a machine's window, a supplier's period, a condition.

It must not walk the genealogy. Every seed says why it is one, and whether that is certain: a value
that nobody recorded never excludes a lot, it makes it possible.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.contained import ALWAYS, Span
from qtcore.engines.expressions import (
    DATETIME,
    TEXT,
    Compiled,
    FactType,
    check,
    evaluate,
    read_value,
)
from qtcore.errors import Fault, InputRejected
from qtcore.registry.scopes import schema_type
from qtcore.services.event_rows import EFFECT_OF_PART
from qtcore.services.master import get_master
from qtcore.services.nodes import resolve
from qtcore.services.site import Site
from qtcore.services.veils import hidden_of
from qtcore.store.queries.events import BROUGHT, MovementRow, movements_of
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.recalls import (
    EventNode,
    SeenEvent,
    events_between,
    lots_of_source,
    nodes_of_events,
)

MAX_SEEDS: Final = 500
MAX_FOUND: Final = 20_000
UNRECORDED: Final = "equipment_not_recorded"
"""Why a lot may be one: made in the window of a machine, at a machine that nobody recorded."""
_OWN: Final[Mapping[str, FactType]] = {
    "event_type": TEXT,
    "verb": TEXT,
    "step": TEXT,
    "equipment": TEXT,
    "location": TEXT,
    "from_party": TEXT,
    "event_at": DATETIME,
}
_TOLD_BY: Final[Mapping[str, frozenset[str]]] = {
    "step": frozenset(EFFECT_OF_PART),
    "location": frozenset(EFFECT_OF_PART),
    "equipment": frozenset(("transform", "pack")),
    "from_party": frozenset(("receive", "return")),
}
"""Which verbs have a parameter that may be left out: what was received came through no machine."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is recalled: any of these, joined; `where` narrows the equipment window when both are.

    `lots` are any identifiers of lots, units, logistic units, supplier lots. `since` and `until`
    (both belong to the span) bound the events of the equipment, the supplier and the condition.
    With `include_unrecorded`, what was made in the window at a machine that nobody recorded may be
    a seed; without it, such lots are counted and listed beside the scope.
    """

    lots: tuple[str, ...] = ()
    equipment: str = ""
    supplier: str = ""
    where: str = ""
    since: datetime | None = None
    until: datetime | None = None
    include_unrecorded: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lots": list(self.lots),
            "equipment": self.equipment,
            "supplier": self.supplier,
            "where": self.where,
            "from": self.since.isoformat() if self.since else None,
            "to": self.until.isoformat() if self.until else None,
            "include_unrecorded": self.include_unrecorded,
        }


@dataclass(frozen=True, slots=True)
class Seed:
    """A lot that a recall starts from, why, and whether that is sure."""

    info: NodeInfo
    cause: str
    reference: str
    is_certain: bool = True

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lot_id": self.info.uid,
            "lot_no": self.info.lot_no,
            "item": self.info.item_code,
            "cause": self.cause,
            "reference": self.reference,
            "verdict": "proved" if self.is_certain else "possible",
        }


def check_question(question: Question) -> None:
    """Raise InputRejected when nothing is asked, or a window has no bounds or runs backwards."""
    if not (question.lots or question.equipment or question.supplier or question.where):
        text = (
            "a recall scope needs at least one lot to start from, an equipment window, a supplier "
            "or a condition; name a lot in `seeds`"
        )
        raise InputRejected(text, [Fault("QT411", text, "seeds")])
    if len(question.lots) > MAX_SEEDS:
        raise InputRejected(
            f"{len(question.lots)} seeds are too many; give at most {MAX_SEEDS} at once"
        )
    faults = []
    since, until = question.since, question.until
    for name, moment in (("from", since), ("to", until)):
        if moment is not None and moment.tzinfo is None:
            faults.append(Fault("QT411", f"`{name}` has no time zone; end it with Z", name))
    if not faults and since and until and since > until:
        text = f"the window ends ({until:%Y-%m-%d %H:%M}) before it begins; swap `from` and `to`"
        faults.append(Fault("QT411", text, "to"))
    if (question.equipment or question.where) and (since is None or until is None):
        text = "an equipment window or a condition needs both ends: give `from` and `to`"
        faults.append(Fault("QT411", text, "from"))
    if (since or until) and not (question.equipment or question.supplier or question.where):
        text = "a period alone selects nothing; add an equipment, a supplier or a condition"
        faults.append(Fault("QT411", text, "from"))
    if faults:
        raise InputRejected(faults[0].message, faults)


def check_seen(site: Site, context: Context, question: Question) -> None:
    """Refuse a condition on fields this person does not see, as if nothing had them.

    Which lots fit would tell their values.
    """
    if not question.where:
        return
    hidden = {
        kind: hidden_of(site, context, f"event:{kind}") & {name for name, _ in found.fact_types}
        for kind, found in _compile(site, question.where).items()
    }
    if any(hidden.values()):
        _compile(site, question.where, frozenset().union(*hidden.values()))
        # Some kind of event shows what another hides: the condition would still tell of that one.
        names = ", ".join(sorted(frozenset().union(*hidden.values())))
        raise _unusable(question.where, [Fault("QT411", f"{names} is not known", "where")])


def find_seeds(site: Site, session: Session, question: Question) -> list[Seed]:
    """Find what a recall starts from; each lot once, with its first certain cause.

    Raises InputRejected also when the conditions select nothing, NotFound and Ambiguous for names.
    """
    check_question(question)
    tenant = site.store.tenant_id
    found = [
        Seed(resolve(session, tenant, name), "named", name) for name in dict.fromkeys(question.lots)
    ]
    if question.equipment or question.where:
        found += _in_window(site, session, question)
    if question.supplier:
        found += _from_supplier(site, session, question)
    if question.include_unrecorded or not found:
        unrecorded = find_unrecorded(site, session, question)
        if not found and not question.include_unrecorded:
            raise InputRejected(_nothing_fits(unrecorded))
        found += unrecorded
    if not found:
        raise InputRejected(_nothing_fits(()))
    if len(found) > MAX_FOUND:
        raise InputRejected(
            f"{len(found)} lots fit; a recall starts from at most {MAX_FOUND}: narrow the period"
        )
    first: dict[int, Seed] = {}
    for seed in sorted(found, key=lambda seed: not seed.is_certain):
        first.setdefault(seed.info.node, seed)
    return list(first.values())


def _in_window(site: Site, session: Session, question: Question) -> list[Seed]:
    tenant = site.store.tenant_id
    equipment_id = None
    if question.equipment:
        equipment_id = get_master(session, tenant, "equipment", question.equipment).id
    span = (question.since, question.until)
    seen = events_between(session, tenant, span, equipment_id=equipment_id)
    sure = {event.id: True for event in seen}
    if question.where:
        sure = judge_events(site, question.where, seen)
    cause = "equipment" if question.equipment else "condition"
    return _seeds_of(session, tenant, [e for e in seen if e.id in sure], (cause, sure))


def find_unrecorded(site: Site, session: Session, question: Question) -> list[Seed]:
    """Find what was made or packed in the window of a machine, and nobody recorded where.

    A condition on the rest of its values must not exclude it.
    """
    if not question.equipment:
        return []
    tenant, span = site.store.tenant_id, (question.since, question.until)
    seen = events_between(session, tenant, span, without_equipment=_TOLD_BY["equipment"])
    fits = judge_events(site, question.where, seen) if question.where else {e.id for e in seen}
    chosen = [event for event in seen if event.id in fits]
    unsure = dict.fromkeys((event.id for event in chosen), False)
    return _seeds_of(session, tenant, chosen, (UNRECORDED, unsure))


def _nothing_fits(unrecorded: Sequence[Seed]) -> str:
    text = (
        "nothing was made, used or received that fits this window; check the equipment, the "
        "supplier, the condition and the times"
    )
    if not unrecorded:
        return text
    return (
        f"{text}. {len({seed.info.node for seed in unrecorded})} lots were made in it at a machine "
        "that nobody recorded: give `include_unrecorded` to start from those"
    )


def _from_supplier(site: Site, session: Session, question: Question) -> list[Seed]:
    tenant = site.store.tenant_id
    party = get_master(session, tenant, "party", question.supplier)
    span = (question.since, question.until)
    seen = events_between(session, tenant, span, from_party_id=party.id)
    seeds = _seeds_of(
        session, tenant, seen, ("supplier", dict.fromkeys((e.id for e in seen), True))
    )
    return seeds + _of_source(site, session, question, lots_of_source(session, tenant, party.id))


def _of_source(
    site: Site, session: Session, question: Question, nodes: Sequence[int]
) -> list[Seed]:
    """Choose the lots that bear the supplier's name, whoever brought them, by when they came."""
    known = describe_nodes(session, site.store.tenant_id, nodes)
    span = Span(question.since, question.until)
    if span == ALWAYS:
        return [Seed(info, "supplier", question.supplier) for info in known.values()]
    came: dict[int, list[MovementRow]] = defaultdict(list)
    for row in movements_of(session, site.store.tenant_id, nodes):
        if row.effect in BROUGHT:
            came[row.node].append(row)
    seeds = []
    for node, info in known.items():
        rows = came[node]
        within = [row.event_uid for row in rows if span.holds(row.event_at)]
        if within or not rows:
            reference = next(iter(within), question.supplier)
            seeds.append(Seed(info, "supplier", reference, is_certain=bool(within)))
    return seeds


def _seeds_of(
    session: Session,
    tenant: int,
    events: Sequence[SeenEvent],
    judged: tuple[str, Mapping[int, bool]],
) -> list[Seed]:
    cause, sure = judged
    told: dict[int, list[EventNode]] = defaultdict(list)
    for row in nodes_of_events(session, tenant, [event.id for event in events]):
        told[row.event_id].append(row)
    by_event = {event.id: event for event in events}
    chosen = {key: _made_or_seen(rows) for key, rows in told.items()}
    known = describe_nodes(session, tenant, {node for nodes in chosen.values() for node in nodes})
    return [
        Seed(known[node], cause, by_event[key].uid, sure[key])
        for key in by_event
        for node in chosen.get(key, ())
    ]


def _made_or_seen(rows: Iterable[EventNode]) -> list[int]:
    """Choose what an event made; of an event that made nothing, what it was about."""
    rows = list(rows)
    made = [row.node for row in rows if row.part in ("output", "parent")]
    return list(dict.fromkeys(made or [row.node for row in rows if row.part != "input"]))


def judge_events(site: Site, text: str, events: Sequence[SeenEvent]) -> dict[int, bool]:
    """Say which events fit a condition: True when it holds, False when a value is missing.

    An event of a kind that has no such parameter does not fit. A machine, a place, a step or a
    sender that nobody recorded is a value that is missing. Raises InputRejected with every
    problem of the text when no kind of event has what it names.
    """
    compiled = _compile(site, text)
    found: dict[int, bool] = {}
    for event in events:
        condition = compiled.get(event.event_type)
        if condition is None:
            continue
        value = evaluate(condition, _facts(event, condition)).value
        if value is not False:
            found[event.id] = value is True
    return found


def _facts(event: SeenEvent, condition: Compiled) -> dict[str, object]:
    given: dict[str, Any] = {**event.values, **{name: getattr(event, name) for name in _OWN}}
    wanted = dict(condition.fact_types)
    return {
        name: given[name] if name in _OWN else read_value(given[name], kind)
        for name, kind in wanted.items()
        if given.get(name) not in (None, "")
        or (name in _OWN and event.verb not in _TOLD_BY.get(name, ()))
    }


def _compile(site: Site, text: str, hidden: frozenset[str] = frozenset()) -> dict[str, Compiled]:
    named = {
        event.id: {n: k for n, k in _names(site, event.form).items() if n not in hidden}
        for event in site.registry.list("events")
    }
    compiled = {kind: check(text, names)[0] for kind, names in named.items()}
    fitting = {kind: found for kind, found in compiled.items() if found is not None}
    if fitting:
        return fitting
    everything = {name: kind for names in named.values() for name, kind in names.items()}
    _, problems = check(text, everything)
    faults = [Fault("QT411", f"column {p.column}: {p.message}", "where") for p in problems]
    raise _unusable(text, faults)


def _unusable(text: str, faults: Sequence[Fault]) -> InputRejected:
    said = faults[0].message if faults else "no kind of event has all that it names"
    return InputRejected(f"the condition {text!r} cannot be used: {said}", faults)


def _names(site: Site, form: str | None) -> dict[str, FactType]:
    definition = site.registry.find("forms", form) if form else None
    properties = definition.schema_.get("properties") or {} if definition else {}
    kinds = {name: schema_type(schema) for name, schema in properties.items()}
    return {**{name: kind for name, kind in kinds.items() if kind is not None}, **_OWN}
