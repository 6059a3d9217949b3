"""What an event tells of a lot that is there already: it completes, it never overwrites.

It must not know how an event is recorded.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlmodel import select

from qtcore.errors import Refusal
from qtcore.services.refusals import Found
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Lot
from qtcore.store.unit import UnitOfWork


def field_refusals(found: Sequence[Found]) -> list[Refusal]:
    """Refuse fields that contradict what is recorded of their lot, each with both values."""
    return [
        Refusal(
            "QT458",
            f"{info.item_code} {info.lot_no}: {name} is recorded as {_shown(known)}, "
            f"here it is {_shown(told)}",
            fix="Give the recorded value or leave it out; if the record is wrong, correct the "
            "event that brought the lot.",
        )
        for info, name, told, known in _told(found)
        if known not in (None, "", told)
    ]


def complete_fields(work: UnitOfWork, found: Sequence[Found]) -> None:
    """Record what was not known of a lot yet, as a change of it."""
    missing: dict[int, dict[str, Any]] = {}
    uids = {}
    for info, name, told, known in _told(found):
        if known in (None, ""):
            missing.setdefault(info.node, {})[name] = told
            uids[info.node] = info.uid
    for node, more in missing.items():
        lot = work.session.exec(
            select(Lot).where(Lot.tenant_id == work.tenant_id, Lot.node == node)
        ).one()
        changed: dict[str, Any] = {}
        if "expiry_on" in more:
            changed["expiry_on"] = more.pop("expiry_on")
        if more:
            changed["extra"] = {**lot.extra, **more}
        changes = work.change(lot, **changed)
        work.log("lot.complete", "lot", uids[node], changes=changes, about=[uids[node]])


def _told(found: Sequence[Found]) -> Iterator[tuple[NodeInfo, str, Any, Any]]:
    """Give lot, field, told value and recorded value of what lines tell of lots that exist."""
    for each in found:
        info, ref = each.info, each.line.ref
        if info is None or info.kind != "lot":
            continue
        if ref.expiry_on is not None:
            yield info, "expiry_on", ref.expiry_on, info.expiry_on
        for name, told in ref.extra.items():
            if told not in (None, ""):
                yield info, name, told, info.extra.get(name)


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else repr(value)
