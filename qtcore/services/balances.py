"""Does it add up: the balance of lots over a period, and where a missing quantity was lost.

It must not know recalls or pages. A quantity that was counted (an observation at the step
`stock_taking` or `cycle_counting`) beats what the movements say; the difference is unaccounted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.balance import INCOMING, KINDS, Balance, Movement, balance, exactly
from qtcore.errors import Fault, InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.nodes import resolve
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, movements_for_balance
from qtcore.services.trace import check_lens, lens_json
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import AnyMovement, MovementRow, movements_of_events
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo, same_nodes

COUNTING_STEPS: Final = ("stock_taking", "cycle_counting")
_MOST_LOTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Lost:
    """A quantity nobody can explain, and the two events it went missing between.

    `kind` is ``count`` (a count found less, or more: negative) or ``process`` (an event made less
    out of its inputs than went in). `before` and `after` name event, step and time.
    """

    kind: str
    quantity: Decimal
    unit: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    lot_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "kind": self.kind,
            "lot_id": self.lot_id,
            "quantity": decimal_text(self.quantity),
            "unit": self.unit,
            "before": dict(self.before),
            "after": dict(self.after),
        }


@dataclass(frozen=True, slots=True)
class LotBalance:
    """The balance of one lot: `opening` was there when the period began."""

    info: NodeInfo
    opening: Decimal
    sums: Balance
    lost: tuple[Lost, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lot_id": self.info.uid,
            "item": self.info.item_code,
            "lot_no": self.info.lot_no,
            "opening": decimal_text(self.opening),
            **self.sums.as_json(),
            "is_closed": self.sums.is_closed,
            "located": [lost.as_json() for lost in self.lost],
        }


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of a set of lots, what its processes lost, and the sums where units allow."""

    lots: tuple[LotBalance, ...]
    process: tuple[Lost, ...]
    lens: Lens
    total: Mapping[str, Any] | None
    problems: tuple[Fault, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API; of a single lot, its own figures stand at the top."""
        head = self.lots[0].as_json() if len(self.lots) == 1 else {}
        lost = [each for lot in self.lots for each in lot.lost]
        return {
            **head,
            **lens_json(self.lens),
            "lots": [lot.as_json() for lot in self.lots],
            "total": self.total,
            "located": [each.as_json() for each in (*lost, *self.process)],
            "closes": all(lot.sums.is_closed for lot in self.lots),
        }


def balance_lots(
    site: Site, context: Context, lots: Sequence[str], *, lens: Lens = NOW
) -> Balances:
    """Balance lots by any of their identifiers, over the period from `since` to `until`.

    Raises InputRejected, NotFound, Ambiguous, Denied.
    """
    require(site, context, "trace.read", about=lots[0] if lots else "", thing=COMPANY)
    if not lots:
        raise InputRejected("a balance needs at least one lot")
    check_lens(context, lens)
    with site.store.read() as session:
        nodes = [resolve(session, site.store.tenant_id, lot).node for lot in lots]
        return balance_nodes(site, session, nodes, lens=lens)


@exactly
def balance_nodes(
    site: Site, session: Session, nodes: Iterable[int], *, lens: Lens = NOW
) -> Balances:
    """Balance known nodes inside a running read; cases and pallets have no balance of their own."""
    tenant, wanted = site.store.tenant_id, list(dict.fromkeys(nodes))
    if len(wanted) > _MOST_LOTS:
        raise InputRejected(f"{len(wanted)} lots are too many; give at most {_MOST_LOTS} at once")
    ends = [at for at in (lens.as_of, lens.until) if at is not None]
    seen = Lens(as_of=min(ends, default=None), known_at=lens.known_at)
    infos = label_nodes(session, tenant, wanted)
    rows: dict[int, list[MovementRow]] = defaultdict(list)
    one_of = _names_of(session, tenant, wanted)
    wanted = list(dict.fromkeys(one_of[node] for node in wanted))
    for row in list_movements(session, tenant, one_of, lens=seen):
        rows[one_of[row.node]].append(row)
    balances = tuple(
        balance_lot(site, infos[node], rows[node], lens)
        for node in wanted
        if infos[node].kind != "logistic_unit" or len(wanted) == 1
    )
    made = {
        row.event_uid
        for told in rows.values()
        for row in told
        if row.effect == "produced" and (lens.since is None or row.event_at >= lens.since)
    }
    acts = movements_of_events(session, tenant, made, lens=seen)
    return Balances(balances, _process_losses(site, acts, rows), lens, _total(site, balances))


def _names_of(session: Session, tenant: int, nodes: Sequence[int]) -> dict[int, int]:
    """Give each lot, and each it was found to be the same as, the one it is counted under."""
    others = same_nodes(session, tenant, nodes)
    one_of: dict[int, int] = {}
    for node in nodes:
        for name in (node, *others.get(node, ())):
            one_of.setdefault(name, one_of.get(node, node))
    return one_of


@exactly
def balance_lot(
    site: Site, info: NodeInfo, rows: Sequence[AnyMovement], lens: Lens = NOW
) -> LotBalance:
    """Balance one lot from its movements in time; what a count found beats what they say."""
    unit = next((row.unit for row in rows if row.quantity is not None and row.unit), info.unit)
    before = [row for row in rows if lens.since is not None and row.event_at < lens.since]
    within = [row for row in rows if lens.since is None or row.event_at >= lens.since]
    opening, unclear = _left(site, before, unit, info)
    start = [] if lens.since is None else [Movement("adjusted", opening, unit, "opening")]
    found = _losses(site, info, rows, unit)
    lost = tuple(each for each in found if lens.since is None or _found_at(each) >= lens.since)
    missing = sum((each.quantity for each in lost), Decimal(0))
    counted = movements_for_balance(within)
    sums = balance([*start, *counted], site.registry.convert, unit=unit)
    if missing:
        on_hand = sums.on_hand - missing
        sums = balance([*start, *counted], site.registry.convert, unit=unit, counted=on_hand)
    if start:
        sums = _without_opening(sums, opening, unclear)
    return LotBalance(info, opening, sums, lost)


def _found_at(lost: Lost) -> datetime:
    return datetime.fromisoformat(lost.after["at"])


def _without_opening(sums: Balance, opening: Decimal, unclear: Sequence[Fault]) -> Balance:
    """Take the opening stock, which was added in as an adjustment, out of the adjustments.

    What the opening lacks, the period lacks as well.
    """
    adjusted = {"adjusted": sums.of("adjusted") - opening}
    problems = tuple(dict.fromkeys((*unclear, *sums.problems)))
    return sums._replace(sums={**sums.sums, **adjusted}, problems=problems)


def _left(
    site: Site, rows: Sequence[AnyMovement], unit: str, info: NodeInfo
) -> tuple[Decimal, tuple[Fault, ...]]:
    """Say what was there after these movements and their counts, and what could not be counted."""
    if not rows:
        return Decimal(0), ()
    sums = balance(movements_for_balance(rows), site.registry.convert, unit=unit)
    missing = sum((each.quantity for each in _losses(site, info, rows, unit)), Decimal(0))
    return sums.on_hand - missing, sums.problems


def is_count(row: AnyMovement) -> bool:
    """Say whether a movement is a count of what is there."""
    if row.verb != "observe" or row.quantity is None:
        return False
    step = row.step.replace(":", "/").replace("-", "/").rsplit("/", 1)[-1]
    return step in COUNTING_STEPS


def _losses(site: Site, info: NodeInfo, rows: Sequence[AnyMovement], unit: str) -> tuple[Lost, ...]:
    """Compare each count with what the movements say was there at that moment.

    Of one moment, what moved comes before what was counted.
    """
    found: list[Lost] = []
    if not any(map(is_count, rows)):
        return ()
    there: dict[str, Decimal] = {}
    last = None
    for row in sorted(rows, key=lambda each: (each.event_at, is_count(each), each.id)):
        amount = _converted(site, row, unit)
        if amount is None:
            continue
        if is_count(row):
            was = sum((there.pop(code) for code in _counted_places(there, row)), Decimal(0))
            there[row.location_code] = amount
            if was != amount:
                missing = was - amount
                found.append(Lost("count", missing, unit, _shown(last), _shown(row), info.uid))
        elif row.effect in SIGN:
            before = there.get(row.location_code, Decimal(0))
            there[row.location_code] = before + amount * SIGN[row.effect]
        last = row
    return tuple(found)


def _counted_places(there: Mapping[str, Decimal], row: AnyMovement) -> list[str]:
    """Choose the places whose stock a count is compared with.

    A lot that is known to lie in several places was counted in one of them, or at the place that
    nobody recorded; else in all of them.
    """
    known = [code for code, amount in there.items() if amount]
    for code in (row.location_code, ""):
        if row.location_code and code in known and len(known) > 1:
            return [code]
    return list(there)


def _process_losses(
    site: Site, acts: Iterable[MovementRow], rows: Mapping[int, Sequence[MovementRow]]
) -> tuple[Lost, ...]:
    """Compare what each event made with what went in, where the units can be compared."""
    events: dict[str, list[MovementRow]] = defaultdict(list)
    for row in acts:
        events[row.event_uid].append(row)
    found: list[Lost] = []
    for told in events.values():
        unit = next((r.unit for r in told if r.part == "output" and r.quantity is not None), "")
        sums = {"input": Decimal(0), "output": Decimal(0)}
        amounts = [(row, _converted(site, row, unit)) for row in told if row.part in sums]
        if not unit or any(amount is None for _, amount in amounts):
            continue
        for row, amount in amounts:
            sums[row.part] += amount or Decimal(0)
        missing = sums["input"] - sums["output"]
        if missing and sums["input"]:
            found.append(
                Lost("process", missing, unit, _shown(_earlier(told, rows)), _shown(told[0]))
            )
    return tuple(found)


def _earlier(
    told: Sequence[MovementRow], rows: Mapping[int, Sequence[MovementRow]]
) -> MovementRow | None:
    """Find the last event that touched an input before this one."""
    at = told[0].event_at
    inputs = [row.node for row in told if row.part == "input"]
    before = [r for node in inputs for r in rows.get(node, ()) if r.event_at < at]
    return max(before, key=lambda row: (row.event_at, row.id), default=None)


def _converted(site: Site, row: AnyMovement, unit: str) -> Decimal | None:
    if row.quantity is None:
        return None
    if row.unit == unit:
        return row.quantity
    try:
        return site.registry.convert(row.quantity, row.unit, unit)
    except InputRejected:
        return None


def _shown(row: AnyMovement | None) -> dict[str, str]:
    if row is None:
        return {"event_id": "", "event_type": "", "step": "", "at": ""}
    return {
        "event_id": row.event_uid,
        "event_type": row.event_type,
        "step": row.step,
        "at": row.event_at.isoformat(),
    }


def _total(site: Site, balances: Sequence[LotBalance]) -> dict[str, Any] | None:
    """Add the lots of a set in one unit; None when their units cannot be compared."""
    unit = next((each.sums.unit for each in balances if each.sums.unit), "")
    sums = dict.fromkeys(("opening", *KINDS, "on_hand", "unaccounted"), Decimal(0))
    for each in balances:
        values = {
            "opening": each.opening,
            **{kind: each.sums.of(kind) for kind in KINDS},
            "on_hand": each.sums.on_hand,
            "unaccounted": each.sums.unaccounted,
        }
        if each.sums.unit in ("", unit):
            factor_of = values
        else:
            try:
                factor_of = {
                    name: site.registry.convert(value, each.sums.unit, unit)
                    for name, value in values.items()
                }
            except InputRejected:
                return None
        for name, value in factor_of.items():
            sums[name] += value
    came = sum((sums[name] for name in INCOMING), sums["opening"])
    return {
        **{name: decimal_text(value) for name, value in sums.items()},
        "came": decimal_text(came),
        "unit": unit,
    }
