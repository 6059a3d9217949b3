"""Reconciliation of a recall: what left, what came back or is reported, what nobody accounts for.

It must not know pages, and it writes nothing. Quantities are added per unit; a quantity that does
not convert is named, never guessed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from qtcore.engines.balance import exactly
from qtcore.errors import InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.findings import Finding
from qtcore.services.recall_replies import replies_of
from qtcore.services.recall_scope import RecallScope
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import MovementRow
from qtcore.store.tables import Record


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One line per customer and unit, and what is missing inside the company per unit."""

    customers: tuple[dict[str, Any], ...]
    totals: tuple[dict[str, Any], ...]
    problems: tuple[Finding, ...]

    @property
    def unaccounted(self) -> dict[str, Decimal]:
        """What is unaccounted for per unit; zero lines are left out."""
        return {
            t["unit"]: Decimal(t["unaccounted"]) for t in self.totals if Decimal(t["unaccounted"])
        }

    def worst_percent(self, *, inside_only: bool = False) -> Decimal:
        """The largest share of unaccounted in what there was, over the units.

        `inside_only` leaves customers out: in an exercise nobody sends anything back.
        """
        name = "missing_inside" if inside_only else "unaccounted"
        shares = [
            abs(Decimal(t[name])) / Decimal(t["total"]) * 100
            for t in self.totals
            if Decimal(t["total"])
        ]
        return max(shares, default=Decimal(0))

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "customers": list(self.customers),
            "totals": list(self.totals),
            "problems": [problem.in_english() for problem in self.problems],
            "problem_parts": [{"kind": each.kind, **each.parts} for each in self.problems],
            "unaccounted_percent": decimal_text(self.worst_percent().quantize(Decimal("0.01"))),
        }


@exactly
def reconcile(site: Site, session: Session, record: Record, scope: RecallScope) -> Reconciled:
    """Compare what customers received with what returned and what they report as dealt with.

    Per customer and unit the larger of returned and reported counts, at most what was shipped:
    goods that were reported first and returned later count once. What came back from somebody
    whom nothing was shipped to has a line of its own, and makes good nothing of anybody else.
    """
    problems: list[Finding] = []
    units = _Units(site, scope)
    nodes = [node.info.node for node in scope.trace.nodes]
    movements = list_movements(session, site.store.tenant_id, nodes)
    shipped = _shipped(scope, units, problems)
    returned = _returned(scope, movements, (units, problems))
    reported = _reported(session, record, units)
    rows = []
    for key in sorted({*shipped, *returned, *reported}):
        customer, unit = key
        sent, back, said = (sums.get(key, Decimal(0)) for sums in (shipped, returned, reported))
        problems += _too_much(key, sent, {"sent_back_too_much": back, "reports_too_much": said})
        counted = min(sent, max(back, said))
        rows.append(
            {
                "customer": customer,
                "unit": unit,
                "shipped": decimal_text(sent),
                "returned": decimal_text(back),
                "reported": decimal_text(said),
                "unaccounted": decimal_text(sent - counted),
            }
        )
    return Reconciled(tuple(rows), tuple(_totals(scope, rows, (units, problems))), tuple(problems))


def _too_much(key: tuple[str, str], shipped: Decimal, told: Mapping[str, Decimal]) -> list[Finding]:
    """Name what a customer gave back or reports beyond what is known to have left for them."""
    customer, unit = key
    known = {"customer": customer, "known": decimal_text(shipped), "unit": unit}
    return [
        Finding(
            kind if customer else "sent_back_by_nobody", {"amount": decimal_text(amount), **known}
        )
        for kind, amount in told.items()
        if amount > shipped
    ]


_Sums = dict[tuple[str, str], Decimal]


class _Units:
    """One unit for each kind of quantity: that in which most lots of the recall are counted."""

    def __init__(self, site: Site, scope: RecallScope) -> None:
        self._registry = site.registry
        self._of_kind: dict[str, str] = {}
        counted = Counter(one.unit for one in scope.balances.values())
        by_use = sorted(counted, key=lambda unit: (-counted[unit], unit))
        for unit in (*by_use, *sorted({ship.unit for ship in scope.shipments})):
            self._of_kind.setdefault(self._kind(unit), unit)

    def common(self, quantity: Decimal, unit: str) -> tuple[Decimal, str]:
        """Give a quantity in the unit of its kind; what has no exact number of it, as it is."""
        wanted = self._of_kind.get(self._kind(unit), unit)
        try:
            return self._registry.convert(quantity, unit, wanted), wanted
        except InputRejected:
            return quantity, unit

    def _kind(self, unit: str) -> str:
        known = self._registry.unit(unit)
        return known.dimension if known else unit


def _shipped(scope: RecallScope, units: _Units, problems: list[Finding]) -> _Sums:
    sums: _Sums = defaultdict(Decimal)
    for ship, quantity in scope.where.arrivals.owed(scope.shipments):
        if quantity is None:
            parts = {"lot_no": ship.lot_no, "customer": ship.customer}
            problems.append(Finding("shipped_unmeasured", parts))
            continue
        amount, unit = units.common(quantity, ship.unit)
        sums[ship.customer, unit] += amount
    return dict(sums)


def _returned(
    scope: RecallScope, movements: Iterable[MovementRow], told: tuple[_Units, list[Finding]]
) -> _Sums:
    """Add up what came back; a case or pallet counts for what was in it, as when it left."""
    units, problems = told
    whole = {seed.info.node for seed in scope.starts}
    infos = {traced.info.node: traced.info for traced in scope.trace.nodes}
    sums: _Sums = defaultdict(Decimal)
    for row in movements:
        info = infos[row.node]
        if row.effect != "returned" or (info.kind == "logistic_unit" and row.node not in whole):
            continue
        if row.quantity is None:
            parts = {"lot_no": info.lot_no, "reference": row.event_uid}
            problems.append(Finding("returned_unmeasured", parts))
            continue
        amount, unit = units.common(row.quantity, row.unit)
        sums[row.from_party, unit] += amount
    return dict(sums)


def _reported(session: Session, record: Record, units: _Units) -> _Sums:
    sums: _Sums = defaultdict(Decimal)
    for reply in replies_of(session, record):
        if reply["is_current"] and reply["quantity"] is not None:
            amount, unit = units.common(Decimal(reply["quantity"]), reply["unit"])
            sums[reply["customer"], unit] += amount
    return dict(sums)


def _totals(
    scope: RecallScope,
    rows: Sequence[Mapping[str, Any]],
    told: tuple[_Units, list[Finding]],
) -> list[dict[str, Any]]:
    """Add the customers up, and what is missing inside the company; per unit."""
    units, problems = told
    inside: dict[str, Decimal] = defaultdict(Decimal)
    there: dict[str, Decimal] = defaultdict(Decimal)
    for node, one in scope.balances.items():
        # More than the records explain does not make good what is missing elsewhere.
        missing, unit = units.common(abs(one.unaccounted), one.unit)
        inside[unit] += missing
        # What went into another lot of the recall is counted there.
        came = one.of("received") + one.of("produced") - scope.came_again.get(node, Decimal(0))
        amount, unit = units.common(came - one.of("consumed"), one.unit)
        there[unit] += amount
        problems += [
            Finding("uncounted", {"code": each.code, "text": each.message}) for each in one.problems
        ]
    counted = {unit for sums in (there, inside) for unit, n in sums.items() if n}
    names = sorted({row["unit"] for row in rows} | counted)

    def add(name: str, unit: str) -> Decimal:
        return sum((Decimal(r[name]) for r in rows if r["unit"] == unit), Decimal(0))

    return [
        {
            "unit": unit,
            # What nobody saw come was there as well, once it is missing or was found.
            "total": decimal_text(max(there[unit], add("shipped", unit)) or inside[unit]),
            "shipped": decimal_text(add("shipped", unit)),
            "returned": decimal_text(add("returned", unit)),
            "reported": decimal_text(add("reported", unit)),
            "missing_inside": decimal_text(inside[unit]),
            "unaccounted": decimal_text(add("unaccounted", unit) + inside[unit]),
        }
        for unit in names
    ]
