"""Test results of lots: entered with the limits that applied, corrected with a reason, never lost.

It must not know sampling plans.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, Refused
from qtcore.services.device_uses import device_refusals
from qtcore.services.lengths import MOST_VALUE, long_faults
from qtcore.services.lot_changes import tell_findings
from qtcore.services.rights import require
from qtcore.services.sight import get_seen, require_at
from qtcore.services.site import Site
from qtcore.services.specifications import find_characteristic, limits_json, spec_of, verdict_of
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import InspectionResult
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class ResultInput:
    """A measured value as typed; `origin` says from which file or laboratory it comes.

    `correct`: this value replaces the current one for a `reason`; without it a second different
    value from another origin stands beside the first as a conflict. `device` is the code
    of the one that measured it.
    """

    characteristic: str
    value: str
    unit: str = ""
    origin: str = ""
    measured_at: datetime | None = None
    device: str = ""
    correct: bool = False
    reason: str = ""


def record_result(site: Site, context: Context, lot: str, result: ResultInput) -> str:
    """Record one result of a lot; returns its verdict: pass, fail or none.

    Raises InputRejected when the value does not fit the characteristic, or a correction has no
    reason; Refused when the device is not known, or not known to measure right on that day.
    """
    require(site, context, "result.record", about=lot)
    require_at(site, context, "result.record", [lot])
    with site.store.write(context) as work:
        info = get_seen(site, context, work.session, lot)
        _require_fit(work, result)
        return write_result(site, work, info, result).verdict


def _require_fit(work: UnitOfWork, result: ResultInput) -> None:
    on = (result.measured_at or work.context.at).date()
    refusals = device_refusals(work.session, work.tenant_id, [result.device], on)
    if refusals:
        raise Refused(f"the result is refused: {refusals[0].message}", refusals)


def write_result(
    site: Site, work: UnitOfWork, info: NodeInfo, result: ResultInput
) -> InspectionResult:
    """Write a result inside a running unit of work."""
    spec = spec_of(site, info)
    characteristic = find_characteristic(spec, result.characteristic)
    _check(result, info, characteristic.type if characteristic else None)
    current = work.session.exec(
        select(InspectionResult).where(
            InspectionResult.tenant_id == work.tenant_id,
            InspectionResult.node == info.node,
            InspectionResult.characteristic == result.characteristic,
            InspectionResult.superseded_by == None,  # noqa: E711
        )
    ).all()
    row = InspectionResult(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        node=info.node,
        spec=spec.id if spec and characteristic else "",
        characteristic=result.characteristic,
        value=result.value,
        unit=result.unit or (characteristic.unit if characteristic and characteristic.unit else ""),
        limits=limits_json(characteristic),
        verdict=verdict_of(characteristic, result.value),
        origin=result.origin,
        measured_at=result.measured_at,
        device=result.device,
        recorded_at=work.context.at,
        recorded_by=work.context.actor.login,
        reason=result.reason,
    )
    work.add(row)
    old = ", ".join(r.value for r in current) or None
    if result.correct:
        for before in current:
            work.change(before, superseded_by=row.uid)
    work.log(
        "result.correct" if result.correct else "result.record",
        "result",
        row.uid,
        changes={result.characteristic: (old, result.value)},
        reason=result.reason,
        about=[info.uid],
        details={
            "verdict": row.verdict,
            "unit": row.unit,
            "origin": row.origin,
            **({"device": row.device} if row.device else {}),
        },
    )
    tell_findings(work, [info.uid])
    return row


def _check(result: ResultInput, info: NodeInfo, kind: str | None) -> None:
    faults = []
    if not result.characteristic:
        faults.append(Fault("QT450", "the result does not name a characteristic", "characteristic"))
    if not result.value.strip():
        faults.append(Fault("QT450", f"{result.characteristic} has no value", "value"))
    elif kind == "decimal" and not _is_decimal(result.value):
        text = f"{result.characteristic}: {result.value!r} is not a number such as 99.1"
        faults.append(Fault("QT450", text, "value"))
    faults += long_faults(MOST_VALUE, value=result.value)
    if result.correct and not result.reason.strip():
        faults.append(Fault("QT451", "a correction needs the reason for the change", "reason"))
    if faults:
        raise InputRejected(f"the result for lot {info.lot_no} cannot be recorded", faults)


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
