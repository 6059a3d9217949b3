"""Why an event cannot be: state, hold, stock, time, genealogy, units; every reason is listed.

It must not write anything, and it must not know imports, which store facts as they are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from qtcore.definitions.stored_states import allows
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.balance import exactly
from qtcore.errors import Fault, InputRejected, Refusal
from qtcore.services.arrivals import came_to_us
from qtcore.services.contents import held_in
from qtcore.services.events import EventInput, Line
from qtcore.services.held_inputs import held_input_refusals
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.outside_cases import lying_in_cases
from qtcore.services.site import Site
from qtcore.services.stock import Stock, stock_of_all_names, stock_of_sums
from qtcore.store.kept_sums import settled_sums
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.nodes import (
    NodeInfo,
    active_holds,
    describe_nodes,
    lots_of_units,
    same_nodes,
)
from qtcore.store.queries.shipments import Stay, contents_of, stays_in
from qtcore.store.queries.sums import Sum
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.unit import UnitOfWork

MAKES = {("receive", "output"), ("transform", "output"), ("pack", "parent")}
ABILITY: Mapping[tuple[str, str], str] = {
    ("transform", "input"): "consume",
    ("ship", "subject"): "ship",
    ("move", "subject"): "move",
    ("sample", "subject"): "sample",
}
# A held lot is neither sold nor used nor hidden in a case; destroying and returning it is allowed.
HELD_BACK = {*ABILITY, ("pack", "child")}
TAKES = {("transform", "input"), ("ship", "subject"), ("sample", "subject"), ("scrap", "subject")}

_NEEDS_STOCK = {*TAKES, ("pack", "child")}


@dataclass(frozen=True, slots=True)
class Found:
    """A line and what it names; None for what the event brings into being."""

    line: Line
    info: NodeInfo | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An event as it is asked for: its verb, its lines with what they name, and what is inside.

    `inside` are the contents of cases and pallets that travel: they may go only when all may.
    """

    event: EventInput
    verb: str
    lines: tuple[Found, ...]
    inside: tuple[Found, ...] = ()


def find_refusals(site: Site, work: UnitOfWork, asked: Asked) -> list[Refusal]:
    """List every reason why this event cannot be recorded."""
    everything = (*asked.lines, *asked.inside)
    used = {
        f.info.node: f.info
        for f in asked.lines
        if f.info and f.info.kind == "lot" and (asked.verb, f.line.part) not in MAKES
    }
    carried = [f.info.node for f in asked.inside if f.info and f.info.kind == "lot"]
    sums = settled_sums(work, {*used, *carried})
    return [
        *_time_refusals(asked.event.event_at, used, sums),
        *_life_cycle_refusals(site, work, asked.verb, everything),
        *_held_input_refusals(site, work, asked.verb, everything),
        *_stock_refusals(site, work, asked, sums),
        *_gone_refusals(work, asked.verb, asked.lines),
        *_cycle_refusals(work, asked.lines),
        *_packing_refusals(site, work, asked),
    ]


def check_units(site: Site, book: NodeBook, found: Sequence[Found]) -> None:
    """Raise InputRejected for quantities in a unit that never converts to the lot's own."""
    faults = []
    for number, one in enumerate(found):
        own = one.info.unit if one.info else _item_unit(book, one.line)
        given, kept = site.registry.unit(one.line.unit), site.registry.unit(own)
        if one.line.quantity is None or given is None or kept is None:
            continue
        if given.dimension != kept.dimension:
            text = (
                f"{one.line.ref}: {one.line.unit!r} ({given.dimension}) cannot be converted to "
                f"{own!r} ({kept.dimension}); give the quantity in a unit of {kept.dimension}"
            )
            faults.append(Fault("QT433", text, f"lines/{number}/unit"))
    if faults:
        raise InputRejected(faults[0].message, faults)


def _item_unit(book: NodeBook, line: Line) -> str:
    if line.ref.kind == "logistic_unit" or not line.ref.item:
        return ""
    return str(book.master("item", line.ref.item).unit)


def _time_refusals(
    event_at: datetime, used: Mapping[int, NodeInfo], sums: Iterable[Sum]
) -> list[Refusal]:
    """Say which lots did not exist yet when the event is said to have happened."""
    born: dict[int, datetime] = {}
    for row in sums:
        if row.effect in ("received", "produced"):
            born.setdefault(row.node, row.first_at)
    return [
        Refusal(
            "QT449",
            f"{used[node].named} came into being on {at:%Y-%m-%d %H:%M}, after this event of "
            f"{event_at:%Y-%m-%d %H:%M}",
            fix="correct the time of the event, or the lot",
        )
        for node, at in born.items()
        if node in used and at > event_at
    ]


def find_inside(
    work: UnitOfWork, event: EventInput, verb: str, found: Sequence[Found]
) -> list[Found]:
    """List what travels inside cases and pallets: they may go only when all of it may."""
    units = [f.info.node for f in found if f.info and f.info.kind == "logistic_unit"]
    if not units or (verb, "subject") not in ABILITY:
        return []
    contents = contents_of(work.session, work.tenant_id, units)
    held = [c for unit in units for c in held_in(contents, unit, event.event_at)]
    infos = describe_nodes(work.session, work.tenant_id, [c.node for c in held])
    return [
        Found(Line(LotRef(text=c.node_uid), "subject", c.quantity, c.unit), infos[c.node])
        for c in held
    ]


def _gone_refusals(work: UnitOfWork, verb: str, found: Sequence[Found]) -> list[Refusal]:
    """Say which serials, cases and pallets have left already: one piece leaves once.

    What came in at a site of ours after it was shipped is here; what was scrapped is not received.
    """
    pieces = {
        f.info.node: f.info
        for f in found
        if f.info and f.info.kind != "lot" and (verb, f.line.part) in TAKES
    }
    rows = movements_of(work.session, work.tenant_id, list(pieces))
    came = came_to_us(work.session, work.tenant_id, rows)
    last: dict[int, MovementRow] = {}
    for row in rows:
        if row.effect in ("shipped", "scrapped", "returned"):
            last[row.node] = row
        elif row.id in came and row.node in last and last[row.node].effect == "shipped":
            del last[row.node]
    return [
        Refusal(
            "QT447",
            f"{pieces[node].named} has left already: {row.effect} on {row.event_at:%Y-%m-%d}",
            fix="correct its number, or record its return first",
        )
        for node, row in last.items()
        if row.effect != "returned"
    ]


def _life_cycle_refusals(
    site: Site, work: UnitOfWork, verb: str, found: Sequence[Found]
) -> list[Refusal]:
    """Say which lots their state or a hold keeps from this: a hold beats everything.

    A serialised unit is as good as its lot: what keeps the lot keeps the unit.
    """
    refusals = []
    guarded = [f for f in found if f.info is not None and (verb, f.line.part) in HELD_BACK]
    wanted = [f.info.node for f in guarded if f.info]
    lots = lots_of_units(work.session, work.tenant_id, wanted)
    owners = sorted(set().union(*lots.values()))
    held = active_holds(work.session, work.tenant_id, [*wanted, *owners])
    known = describe_nodes(work.session, work.tenant_id, owners)
    for one in guarded:
        info, ability = one.info, ABILITY.get((verb, one.line.part))
        if info is None:
            continue
        own = sorted(lots.get(info.node, ()))
        for hold in [hold for node in (info.node, *own) for hold in held.get(node, ())]:
            refusals.append(
                Refusal(
                    "QT445",
                    f"{info.named} is on hold since {hold.placed_at:%Y-%m-%d}: {hold.reason}",
                    fix="lift the hold, or take another lot",
                )
            )
        judged = [info] if info.kind == "lot" else [known[node] for node in own]
        stuck = [lot for lot in judged if ability and not _state_allows(site, lot.state, ability)]
        refusals += [_state_refusal(site, info, lot, str(ability)) for lot in stuck]
    return refusals


def _held_input_refusals(
    site: Site, work: UnitOfWork, verb: str, found: Sequence[Found]
) -> list[Refusal]:
    """Say what must not leave because a recall holds what it was made of, but not yet the lot."""
    leaving = [f.info for f in found if f.info and (verb, f.line.part) == ("ship", "subject")]
    return held_input_refusals(site, work, leaving)


def _state_refusal(site: Site, info: NodeInfo, lot: NodeInfo, ability: str) -> Refusal:
    whose = "" if info is lot else f" belongs to {lot.named}, which"
    able = [s.id for s in _lot_workflow(site).all_states if ability in s.may]
    return Refusal(
        "QT446",
        f"{info.named}{whose} is in state {lot.state!r}, which does not allow: {ability}",
        fix=f"states that allow it: {', '.join(able)}",
    )


def _lot_workflow(site: Site) -> WorkflowDefinition:
    workflow: WorkflowDefinition = site.registry.get("workflows", "lot")
    return workflow


def _state_allows(site: Site, state: str, ability: str) -> bool:
    return allows(_lot_workflow(site), state, ability)


@exactly
def _stock_refusals(
    site: Site, work: UnitOfWork, asked: Asked, sums: Iterable[Sum]
) -> list[Refusal]:
    """Say where more would be taken than there is."""
    taken = [
        f
        for f in (*asked.lines, *asked.inside)
        if f.info and f.info.kind == "lot" and (asked.verb, f.line.part) in _NEEDS_STOCK
    ]
    stocks = stock_of_sums(site, work.session, [f.info.node for f in taken if f.info], sums)
    inside: Mapping[int, Decimal] = {}
    if asked.verb == "pack":
        inside = lying_in_cases(site, work.session, stocks, asked.event.event_at)
    wanted: dict[int, Decimal] = {}
    refusals = []
    for one in taken:
        info, line = one.info, one.line
        if info is None or line.quantity is None:
            continue
        stock = stocks[info.node]
        try:
            amount = site.registry.convert(line.quantity, line.unit, stock.unit or line.unit)
        except InputRejected:
            if one not in asked.inside:
                raise
            continue  # an import packed it so: that is named with the lot already
        wanted[info.node] = wanted.get(info.node, Decimal(0)) + amount
        if wanted[info.node] > stock.quantity:
            stock = stocks[info.node] = _under_all_names(site, work, stock)
        if wanted[info.node] > stock.quantity:
            refusals.append(
                Refusal(
                    "QT447",
                    f"{info.named} has {stock.quantity} {stock.unit} on hand, "
                    f"{wanted[info.node]} {stock.unit or line.unit} asked for",
                    fix="correct the quantity, or record what is missing first",
                )
            )
        elif wanted[info.node] > (outside := stock.quantity - inside.get(info.node, Decimal(0))):
            refusals.append(
                Refusal(
                    "QT447",
                    f"{info.named} has {outside} {stock.unit} outside of cases, "
                    f"{wanted[info.node]} {stock.unit or line.unit} asked for",
                    fix="take it out of the case it is in first, or correct the quantity",
                )
            )
    return refusals


def _in_unit(site: Site, quantity: Decimal, given: str, wanted: str) -> Decimal | None:
    try:
        return site.registry.convert(quantity, given, wanted)
    except InputRejected:
        return None


def _under_all_names(site: Site, work: UnitOfWork, stock: Stock) -> Stock:
    """Add what came in under the other names of a lot that was found to be the same."""
    others = same_nodes(work.session, work.tenant_id, [stock.node]).get(stock.node)
    return stock_of_all_names(site, work.session, stock.node, others) if others else stock


def _packing_refusals(site: Site, work: UnitOfWork, asked: Asked) -> list[Refusal]:
    """Say what is inside another case already, or is not inside the one it shall come out of."""
    if asked.verb not in ("pack", "unpack"):
        return []
    if asked.verb == "pack" and (refusals := _no_case(asked)):
        return refusals
    told = [f for f in asked.lines if f.info and f.line.part == "child"]
    children = [f.info for f in told if f.info]
    parent = next((f.info for f in asked.lines if f.info and f.line.part == "parent"), None)
    rows = movements_of(work.session, work.tenant_id, [info.node for info in children])
    held = {row.container for row in rows if row.container is not None}
    at = asked.event.event_at
    inside: dict[int, set[int]] = {info.node: set() for info in children}
    amounts: dict[int, list[Stay]] = defaultdict(list)
    for stay in stays_in(work.session, work.tenant_id, held):
        if stay.packed_at <= at and (stay.unpacked_at is None or stay.unpacked_at > at):
            inside.setdefault(stay.node, set()).add(stay.container)
            if parent is not None and stay.container == parent.node:
                amounts[stay.node].append(stay)
    refusals = _taken_out(site, told, amounts) if asked.verb == "unpack" else []
    for info in children:
        if asked.verb == "unpack" and (parent is None or parent.node not in inside[info.node]):
            says = f"{info.named} is not inside {parent.named if parent else 'it'}"
            fix = "name the case it is in, or record its packing first"
            refusals.append(Refusal("QT454", says, fix=fix))
        elif asked.verb == "pack" and info.kind != "lot" and inside[info.node]:
            cases = describe_nodes(work.session, work.tenant_id, inside[info.node])
            names = ", ".join(case.named for case in cases.values())
            fix = "take it out there first; one piece is in one place"
            refusals.append(Refusal("QT455", f"{info.named} is inside {names}", fix=fix))
    return refusals


def _no_case(asked: Asked) -> list[Refusal]:
    """Say when something is to be packed into a lot: a lot is many pieces, and holds none."""
    return [
        Refusal(
            "QT455",
            f"{one.info.named if one.info else one.line.ref} is a lot, which holds nothing",
            fix="name the case, pallet or serialised pack that it is packed into",
        )
        for one in asked.lines
        if one.line.part == "parent" and (one.info.kind if one.info else one.line.ref.kind) == "lot"
    ]


@exactly
def _taken_out(
    site: Site, told: Iterable[Found], inside: Mapping[int, Sequence[Stay]]
) -> list[Refusal]:
    """Say where more is taken out of a case than is known to be in it."""
    refusals = []
    for one in told:
        info, line = one.info, one.line
        stays = inside.get(info.node, ()) if info else ()
        if info is None or line.quantity is None or not stays:
            continue
        known = [
            _in_unit(site, stay.quantity, stay.unit, line.unit)
            for stay in stays
            if stay.quantity is not None
        ]
        amounts = [amount for amount in known if amount is not None]
        if len(amounts) == len(stays) and line.quantity > sum(amounts):
            refusals.append(
                Refusal(
                    "QT447",
                    f"{info.named}: {sum(amounts)} {line.unit} are inside, {line.quantity} "
                    f"{line.unit} are taken out",
                    fix="correct the quantity, or record what was packed first",
                )
            )
    return refusals


def _cycle_refusals(work: UnitOfWork, found: Sequence[Found]) -> list[Refusal]:
    """Say when something would become its own ancestor."""
    sources = {f.info.node: f.info for f in found if f.info and f.line.part in ("input", "child")}
    targets = {f.info.node: f.info for f in found if f.info and f.line.part in ("output", "parent")}
    if not sources or not targets:
        return []
    made_from = ", ".join(info.named for info in sources.values())
    ancestors = reached_nodes(work.session, work.tenant_id, list(sources), "backward")
    return [
        Refusal(
            "QT448",
            f"{info.named} is already a source of {made_from}: it cannot be made from it as well",
            fix="correct the lot number of the output; rework makes a new lot",
        )
        for node, info in targets.items()
        if node in ancestors or node in sources
    ]
