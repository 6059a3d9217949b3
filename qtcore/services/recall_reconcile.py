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
from qtcore.services.findings import Finding
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
    shipped = _shipped(scope, problems)
    returned = _returned(site, session, scope, (shipped, problems))
    reported = _reported(site, session, record, (shipped, problems))
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
    return Reconciled(tuple(rows), tuple(_totals(scope, rows, problems)), tuple(problems))


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


def _shipped(scope: RecallScope, problems: list[Finding]) -> _Sums:
    sums: _Sums = defaultdict(Decimal)
    for ship in scope.shipments:
        if ship.quantity is None:
            parts = {"lot_no": ship.lot_no, "customer": ship.customer}
            problems.append(Finding("shipped_unmeasured", parts))
            continue
        sums[ship.customer, ship.unit] += ship.quantity
    return dict(sums)


def _returned(
    site: Site, session: Session, scope: RecallScope, told: tuple[_Sums, list[Finding]]
) -> _Sums:
    shipped, problems = told
    sums: _Sums = defaultdict(Decimal)
    units = {(ship.customer, ship.node): ship.unit for ship in scope.shipments}
    nodes = [node.info.node for node in scope.trace.nodes]
    for row in list_movements(session, site.store.tenant_id, nodes):
        if row.effect != "returned":
            continue
        unit = units.get((row.from_party, row.node)) or _unit_for(row.from_party, row.unit, shipped)
        amount = _converted(site, (row.quantity, row.unit, unit), problems)
        sums[row.from_party, unit] += amount
    return dict(sums)


def _unit_for(customer: str, unit: str, shipped: _Sums) -> str:
    """Choose the unit in which a customer is counted; of several, the one that was told."""
    units = [known for who, known in shipped if who == customer]
    return unit if unit in units else next(iter(units), unit)


def _reported(
    site: Site,
    session: Session,
    record: Record,
    told: tuple[_Sums, list[Finding]],
) -> _Sums:
    shipped, problems = told
    sums: _Sums = defaultdict(Decimal)
    for reply in replies_of(session, record):
        if not reply["is_current"] or reply["quantity"] is None:
            continue
        target = _unit_for(reply["customer"], reply["unit"], shipped)
        amount = (Decimal(reply["quantity"]), reply["unit"], target)
        sums[reply["customer"], target] += _converted(site, amount, problems)
    return dict(sums)


def _converted(
    site: Site, amount: tuple[Decimal | None, str, str], problems: list[Finding]
) -> Decimal:
    quantity, unit, wanted = amount
    if quantity is None:
        problems.append(Finding("returned_unmeasured"))
        return Decimal(0)
    try:
        return site.registry.convert(quantity, unit, wanted)
    except InputRejected as fault:
        problems.append(_uncounted(fault.code, fault.message))
        return Decimal(0)


def _uncounted(code: str, message: str) -> Finding:
    return Finding("uncounted", {"code": code, "text": message})


def _totals(
    scope: RecallScope, rows: Sequence[Mapping[str, Any]], problems: list[Finding]
) -> list[dict[str, Any]]:
    """Add the customers up, and what is missing inside the company; per unit."""
    inside: dict[str, Decimal] = defaultdict(Decimal)
    there: dict[str, Decimal] = defaultdict(Decimal)
    for one in scope.balances.values():
        # More than the records explain does not make good what is missing elsewhere.
        inside[one.unit] += abs(one.unaccounted)
        # What went into another lot of the recall is counted there.
        there[one.unit] += one.received + one.produced - one.consumed
        problems += [_uncounted(problem.code, problem.message) for problem in one.problems]
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
