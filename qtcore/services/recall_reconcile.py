"""Reconciliation of a recall: what left, what came back or is reported, what nobody accounts for.

It must not know pages, and it writes nothing. Quantities are added per unit; a quantity that does
not convert is named, never guessed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from qtcore.engines.balance import exactly
from qtcore.errors import InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.recall_replies import replies_of
from qtcore.services.recall_scope import RecallScope
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.tables import Record


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One line per customer and unit, and what is missing inside the company per unit."""

    customers: tuple[dict[str, Any], ...]
    totals: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]

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
            "problems": list(self.problems),
            "unaccounted_percent": decimal_text(self.worst_percent().quantize(Decimal("0.01"))),
        }


@exactly
def reconcile(site: Site, session: Session, record: Record, scope: RecallScope) -> Reconciled:
    """Compare what customers received with what returned and what they report as dealt with.

    Per customer and unit the larger of returned and reported counts, at most what was shipped:
    goods that were reported first and returned later count once.
    """
    problems: list[str] = []
    shipped = _shipped(scope, problems)
    returned = _returned(site, session, scope, problems)
    reported = _reported(site, session, record, (shipped, problems))
    rows = []
    for key in sorted(shipped):
        customer, unit = key
        back, said = returned.get(key, Decimal(0)), reported.get(key, Decimal(0))
        problems += _too_much(key, shipped[key], {"sent back": back, "reports": said})
        counted = min(shipped[key], max(back, said))
        rows.append(
            {
                "customer": customer,
                "unit": unit,
                "shipped": decimal_text(shipped[key]),
                "returned": decimal_text(back),
                "reported": decimal_text(said),
                "unaccounted": decimal_text(shipped[key] - counted),
            }
        )
    return Reconciled(tuple(rows), tuple(_totals(scope, rows, problems)), tuple(problems))


def _too_much(key: tuple[str, str], shipped: Decimal, told: Mapping[str, Decimal]) -> list[str]:
    """Name what a customer gave back or reports beyond what is known to have left for them."""
    customer, unit = key
    return [
        f"{customer} {how} {decimal_text(amount)} {unit}, and {decimal_text(shipped)} {unit} are "
        "known to have left for them: find the shipment, or correct the quantity"
        for how, amount in told.items()
        if amount > shipped
    ]


_Sums = dict[tuple[str, str], Decimal]


def _shipped(scope: RecallScope, problems: list[str]) -> _Sums:
    sums: _Sums = defaultdict(Decimal)
    for ship, quantity in scope.where.arrivals.owed(scope.shipments):
        if quantity is None:
            problems.append(f"how much of {ship.lot_no} went to {ship.customer} was not recorded")
            continue
        sums[ship.customer, ship.unit] += quantity
    return dict(sums)


def _returned(site: Site, session: Session, scope: RecallScope, problems: list[str]) -> _Sums:
    sums: _Sums = defaultdict(Decimal)
    units = {(ship.customer, ship.node): ship.unit for ship in scope.shipments}
    nodes = [node.info.node for node in scope.trace.nodes]
    for row in list_movements(session, site.store.tenant_id, nodes):
        if row.effect != "returned":
            continue
        unit = units.get((row.from_party, row.node), row.unit)
        amount = _converted(site, (row.quantity, row.unit, unit), problems)
        sums[row.from_party, unit] += amount
    return dict(sums)


def _reported(
    site: Site,
    session: Session,
    record: Record,
    told: tuple[Mapping[tuple[str, str], Decimal], list[str]],
) -> _Sums:
    shipped, problems = told
    sums: _Sums = defaultdict(Decimal)
    for reply in replies_of(session, record):
        if not reply["is_current"] or reply["quantity"] is None:
            continue
        units = [unit for customer, unit in shipped if customer == reply["customer"]]
        target = reply["unit"] if reply["unit"] in units else next(iter(units), reply["unit"])
        amount = (Decimal(reply["quantity"]), reply["unit"], target)
        sums[reply["customer"], target] += _converted(site, amount, problems)
    return dict(sums)


def _converted(site: Site, amount: tuple[Decimal | None, str, str], problems: list[str]) -> Decimal:
    quantity, unit, wanted = amount
    if quantity is None:
        problems.append("a return has no quantity; correct it")
        return Decimal(0)
    try:
        return site.registry.convert(quantity, unit, wanted)
    except InputRejected as fault:
        problems.append(fault.message)
        return Decimal(0)


def _totals(
    scope: RecallScope, rows: Sequence[Mapping[str, Any]], problems: list[str]
) -> list[dict[str, Any]]:
    """Add the customers up, and what is missing inside the company; per unit."""
    inside: dict[str, Decimal] = defaultdict(Decimal)
    there: dict[str, Decimal] = defaultdict(Decimal)
    for node, one in scope.balances.items():
        # More than the records explain does not make good what is missing elsewhere.
        inside[one.unit] += abs(one.unaccounted)
        # What went into another lot of the recall is counted there.
        came = one.received + one.produced - scope.came_again.get(node, Decimal(0))
        there[one.unit] += came - one.consumed
        problems.extend(problem.message for problem in one.problems)
    counted = {unit for sums in (there, inside) for unit, n in sums.items() if n}
    units = sorted({row["unit"] for row in rows} | counted)

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
        for unit in units
    ]
