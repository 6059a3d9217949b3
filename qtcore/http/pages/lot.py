"""The page of a lot: its whole chain, materials, steps, tests, release and shipments on one page.

It must not know how any figure is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qtcore.context import Context
from qtcore.definitions.specs import Characteristic
from qtcore.definitions.stored_states import active_in
from qtcore.definitions.workflows import Transition
from qtcore.http.call import Call
from qtcore.http.pages.chain import neighbours_of
from qtcore.http.pages.devices import known_devices
from qtcore.http.pages.parts import Cut, part_of
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.http.units import show_unit
from qtcore.services.audit import read_ledger
from qtcore.services.lots import LotView, Newest, get_lot
from qtcore.services.printing import documents_of
from qtcore.services.release import ReleaseView, explain_release
from qtcore.services.site import Site
from qtcore.services.specifications import limits_json, spec_of
from qtcore.services.standing import may_try
from qtcore.services.trace import Trace
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import ResultRow

LAST_EVENTS = 6
MOST_ROWS = 50
MOST_MOVEMENTS = 40
RESULT_FIELDS = ("characteristic", "value", "device", "reason")


@dataclass(frozen=True, slots=True)
class TestLine:
    """A test: its limits, the values that stand, and those they replaced."""

    spec: str
    characteristic: str
    limits: str
    current: tuple[ResultRow, ...]
    replaced: tuple[ResultRow, ...]


@dataclass(frozen=True, slots=True)
class UsedLine:
    """A material that went in, or a product that came out, with the quantity of the link."""

    info: NodeInfo
    quantity: Decimal | None
    unit: str
    certainty: str
    event_id: str


@page("GET", "/l/{lot:str}")
def show_lot(call: Call) -> Seen:
    """Show everything about one lot, unit or logistic unit."""
    return Page("lot.html", lot_data(call))


def lot_data(call: Call) -> dict[str, Any]:
    """Gather what the page of a lot shows."""
    newest = Newest(MOST_MOVEMENTS, call.word("events_before"))
    view = get_lot(call.site, call.act(), call.params["lot"], newest)
    release = (
        explain_release(call.site, call.act(), view.info.uid) if view.info.kind == "lot" else None
    )
    actor = call.act().actor
    last: Sequence[Any] = ()
    if actor.may("ledger.read"):
        last = read_ledger(call.site, call.act(), about=view.info.uid, limit=LAST_EVENTS).rows
    return {
        "view": view,
        "info": view.info,
        "chain": neighbours_of(view.trace),
        "used": part_of(
            call, Cut("used_from", "h-used", MOST_ROWS), _links(view.trace, is_source=True)
        ),
        "records": part_of(call, Cut("records_from", "h-records", MOST_ROWS), view.records),
        "ships": part_of(call, Cut("ships_from", "h-ship", MOST_ROWS), view.trace.customers),
        "events_before": call.word("events_before"),
        "tests": tests_of(call, view.info, view.results),
        "release": release,
        "steps": lot_steps(call.site, view.info.state, call.act()),
        "documents": [
            each
            for each in documents_of(call.site, call.language)
            if each["subject"] == "lot" and view.info.kind == "lot"
        ],
        "last": last,
        "fields": _fields(call, view),
        "spec": spec_of(call.site, view.info),
        "devices": known_devices(call) if actor.may("result.record") else [],
        "mistakes": [],
        "typed": dict.fromkeys(RESULT_FIELDS, ""),
        "done": call.word("done"),
    }


def _links(trace: Trace, *, is_source: bool) -> list[UsedLine]:
    """List the links of the lot itself; several uses of one lot stay several lines."""
    infos = {n.info.node: n.info for n in trace.nodes}
    focus = trace.focus.node
    near = [e for e in trace.edges if (e.dst if is_source else e.src) == focus and e.src != e.dst]
    return [
        UsedLine(infos[e.src if is_source else e.dst], e.quantity, e.unit, e.certainty, e.event_uid)
        for e in near
    ]


def tests_of(call: Call, info: NodeInfo, results: Iterable[ResultRow]) -> list[TestLine]:
    """Join what the specification asks for with what was measured; missing tests are lines too."""
    spec = spec_of(call.site, info)
    asked: dict[str, Characteristic] = {c.id: c for c in (spec.characteristics if spec else ())}
    by_name: dict[str, list[ResultRow]] = {name: [] for name in asked}
    for row in results:
        by_name.setdefault(row.characteristic, []).append(row)
    lines = []
    for name, rows in by_name.items():
        current = tuple(r for r in rows if r.superseded_by is None)
        if name in asked and not current and not asked[name].required:
            continue
        limits = current[-1].limits if current else limits_json(asked.get(name))
        lines.append(
            TestLine(
                spec=spec.id if spec and name in asked else "",
                characteristic=name,
                limits=show_limits(call, limits),
                current=current,
                replaced=tuple(r for r in rows if r.superseded_by is not None),
            )
        )
    return lines


def show_limits(call: Call, limits: Any) -> str:
    """Write limits as people do: 95.0–105.0 %, ≥ 75 %, or the accepted choices."""
    if not limits:
        return ""
    unit = str(limits.get("unit") or "")
    if unit:
        unit = f"\u202f{show_unit(call.site.registry, call.language, unit)}"
    lower, upper = limits.get("lower"), limits.get("upper")
    if lower is not None and upper is not None:
        return f"{lower}–{upper}{unit}"
    if lower is not None:
        return f"≥ {lower}{unit}"
    if upper is not None:
        return f"≤ {upper}{unit}"
    return " / ".join(limits.get("accept") or ())


def lot_steps(site: Site, state: str, context: Context) -> list[Transition]:
    """List the steps a person may try from a state."""
    workflow = site.registry.get("workflows", "lot")
    active = active_in(workflow, state)
    begun = [t for t in workflow.transitions if not active.isdisjoint(t.from_)]
    return may_try(site, context, workflow.id, begun)


def _fields(call: Call, view: LotView) -> list[tuple[str, str]]:
    """List the extra fields of the packs that have a value, with their labels."""
    words = call.site.registry.text
    language = call.language
    found = []
    for name, value in sorted(view.info.extra.items()):
        if value in (None, "", [], {}):
            continue
        choice = f"fields.lot.choices.{name}.{value}"
        shown = words(choice, language) if isinstance(value, str) else str(value)
        is_choice = isinstance(value, str) and shown != value.rsplit(".", 1)[-1].replace("_", " ")
        found.append((words(f"fields.lot.{name}", language), shown if is_choice else str(value)))
    return found


def verdict_of(release: ReleaseView | None) -> str:
    """Give the verdict, or nothing for what is not released."""
    return release.verdict if release else ""


ROUTES = (show_lot,)
