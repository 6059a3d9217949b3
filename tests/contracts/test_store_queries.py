"""What is read about lots: names, places, customers, contents and records, on every database."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.events import event_lines, find_event, movements_of
from qtcore.store.queries.lots import item_extra, list_lot_nodes, search_nodes
from qtcore.store.queries.nodes import active_holds, describe_nodes, find_nodes, same_nodes
from qtcore.store.queries.records import records_about, results_of, state_changes_of
from qtcore.store.queries.shipments import contents_of, shipments_of
from qtcore.store.store import Store
from qtcore.store.tables import (
    DefinitionVersion,
    Discrepancy,
    Hold,
    Identifier,
    InspectionResult,
    Item,
    LogisticUnit,
    Lot,
    Party,
    Record,
    RecordLink,
    StateChange,
    Unit,
)
from qtcore.store.unit import UnitOfWork
from tests.rows import NOON, a_context, a_plant, alias, an_event, move


def _fill(store: Store, build: Callable[[UnitOfWork], Any]) -> Any:
    """Run `build` in one act; gives what it returns."""
    with store.write(a_context()) as work:
        made = build(work)
        work.log("test.fill", "site", "x")
    return made


def _row(table, work: UnitOfWork, **values):
    row = table(tenant_id=work.tenant_id, id=work.key(), **values)
    work.add(row)
    return row


def test_a_node_is_described_whatever_it_is(store: Store):
    def build(work: UnitOfWork) -> list[int]:
        item = _row(
            Item,
            work,
            uid="i",
            code="TAB",
            name="Tablet",
            names={"zh-CN": "片剂"},
            kind="finished",
            industry="pharma",
        )
        party = _row(Party, work, uid="p", code="ACME", name="Acme")
        lot, unit, case = (work.new_node(kind) for kind in ("lot", "unit", "logistic_unit"))
        work.add(
            Lot(
                tenant_id=1,
                node=lot.node,
                item_id=item.id,
                source_id=party.id,
                lot_no="T-1",
                state="testing",
                unit="kg",
                expiry_on=date(2027, 5, 31),
                extra={"grade": "A"},
            ),
            Unit(tenant_id=1, node=unit.node, serial="S1", item_id=item.id, lot=lot.node),
            LogisticUnit(tenant_id=1, node=case.node, code="SSCC9"),
        )
        for scheme, value in (("gtin", "0950"), ("erp", "4711")):
            _row(Identifier, work, node=lot.node, scheme=scheme, value=value, recorded_at=NOON)
        return [lot.node, unit.node, case.node]

    lot, unit, case = _fill(store, build)
    with store.read() as session:
        found = describe_nodes(session, 1, [lot, unit, case, 999])
    assert set(found) == {lot, unit, case}
    info = found[lot]
    assert (info.kind, info.item_code, info.lot_no, info.source_code) == (
        "lot",
        "TAB",
        "T-1",
        "ACME",
    )
    assert (info.state, info.unit, info.expiry_on) == ("testing", "kg", date(2027, 5, 31))
    assert (info.item_kind, info.industry, info.names) == ("finished", "pharma", {"zh-CN": "片剂"})
    assert (info.extra, info.identifiers) == ({"grade": "A"}, (("gtin", "0950"), ("erp", "4711")))
    assert (found[unit].lot_no, found[unit].item_code, found[unit].source_code) == ("S1", "TAB", "")
    assert (found[case].lot_no, found[case].item_code, found[case].state) == ("SSCC9", "", "open")


@pytest.mark.parametrize(
    ("text", "found"),
    [("L1", [1]), ("l1", [1]), ("Ab-7", [0]), ("aB-7", [0, 1]), ("L", []), ("L_", []), ("%", [])],
)
def test_a_name_is_found_as_written_first_and_then_in_any_case(
    lasting_store: Store, text: str, found: list[int]
):
    nodes = a_plant(lasting_store, 3).nodes
    with lasting_store.write(a_context()) as work:
        for node, value in ((nodes[0], "Ab-7"), (nodes[1], "AB-7")):
            _row(Identifier, work, node=node, scheme="erp", value=value, recorded_at=NOON)
        work.log("identifier.add", "lot", "x")
    with lasting_store.read() as session:
        assert find_nodes(session, 1, text) == [nodes[at] for at in found]
        assert find_nodes(session, 2, text) == []


def test_a_public_id_finds_its_node(store: Store):
    plant = a_plant(store, 2)
    with store.read() as session:
        assert find_nodes(session, 1, plant.uids[1]) == [plant.nodes[1]]
        assert find_nodes(session, 1, plant.uids[1].upper()) == [plant.nodes[1]]


def test_a_search_gives_equal_names_before_those_that_contain_it(store: Store):
    nodes = a_plant(store, 12).nodes
    with store.read() as session:
        assert search_nodes(session, 1, "l1", 20) == [nodes[1], nodes[10], nodes[11]]
        assert search_nodes(session, 1, "granul", 5) == nodes[:5]
        assert search_nodes(session, 1, "100%", 5) == []


def test_lots_are_listed_in_order_and_by_filters(store: Store):
    nodes = a_plant(store, 5).nodes
    with store.read() as session:
        assert list_lot_nodes(session, 1, limit=2) == nodes[:2]
        assert list_lot_nodes(session, 1, after_node=nodes[1], limit=2) == nodes[2:4]
        assert list_lot_nodes(session, 1, lot_no="L3") == [nodes[3]]
        assert list_lot_nodes(session, 1, item="GRAN", source="ACME", state="quarantine") == nodes
        assert list_lot_nodes(session, 1, item="OTHER") == []
        assert item_extra(session, 1, "OTHER") == {}


def test_only_holds_in_force_are_listed(store: Store):
    (node,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> None:
        hold = {"node": node, "reason": "dust", "placed_at": NOON, "placed_by": "qa"}
        _row(Hold, work, uid="h-1", **hold)
        _row(Hold, work, uid="h-2", lifted_at=NOON, lifted_by="qa", **hold)

    _fill(store, build)
    with store.read() as session:
        (hold,) = active_holds(session, 1, [node])[node]
        assert active_holds(session, 1, [node + 1]) == {}
    assert (hold.uid, hold.reason, hold.placed_at) == ("h-1", "dust", NOON)


def test_a_hold_holds_all_that_is_the_same_thing(store: Store):
    one, other, third, apart = a_plant(store, 4).nodes
    hold = {"uid": "h-1", "reason": "dust", "placed_at": NOON, "placed_by": "qa"}
    _fill(store, lambda work: _row(Hold, work, node=third, **hold))
    with store.read() as session:
        assert active_holds(session, 1, [one]) == {}

    alias(store, one, other)
    alias(store, third, other)

    with store.read() as session:
        found = active_holds(session, 1, [one, third, apart])
        assert same_nodes(session, 1, [one, apart]) == {one: {other, third}}
    assert {node: [h.uid for h in holds] for node, holds in found.items()} == {
        one: ["h-1"],
        third: ["h-1"],
    }


def test_a_superseded_event_no_longer_moves_anything(store: Store):
    (node,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> None:
        right = an_event(work, "receive", external_id="e-2")
        wrong = an_event(work, "receive", external_id="e-1", superseded_by=right.id)
        for event, amount in ((wrong, "10"), (right, "1.0")):
            move(work, event, node, "output", "received", quantity=Decimal(amount), unit="kg")

    _fill(store, build)
    with store.read() as session:
        assert [str(row.quantity) for row in movements_of(session, 1, [node])] == ["1.0"]
        event = find_event(session, 1, "e-1")
        assert event is not None
        assert [line.node for line in event_lines(session, 1, event.id)] == [node]
        assert find_event(session, 1, "e-3") is None


def test_a_shipment_names_the_customer_and_how_to_reach_them(store: Store):
    (node,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> None:
        contacts = {"phone": "+386 1 555"}
        customer = _row(Party, work, uid="c", code="SHOP", name="Shop", contacts=contacts)
        work.flush()
        event = an_event(work, "ship", to_party_id=customer.id)
        move(work, event, node, "subject", "shipped", quantity=Decimal("2.50"), unit="kg")
        move(work, an_event(work, "ship"), node, "subject", "shipped", quantity=Decimal(1))

    _fill(store, build)
    with store.read() as session:
        rows = shipments_of(session, 1, [node])
    assert [(r.customer_code, str(r.quantity), r.contacts) for r in rows] == [
        ("SHOP", "2.50", {"phone": "+386 1 555"}),
        ("", "1", {}),
    ]
    assert rows[0].lot_no == "L0"


def _pallet(store: Store, acts: list[tuple[int, str, str, str | None]]) -> list[tuple[Any, ...]]:
    """Do acts (hour, verb, child or nothing, quantity) on one pallet; gives its contents."""
    nodes = dict(zip("ab", a_plant(store, 2).nodes, strict=True))

    def build(work: UnitOfWork) -> int:
        pallet = work.new_node("logistic_unit").node
        work.add(LogisticUnit(tenant_id=1, node=pallet, code="P1"))
        for hour, verb, child, quantity in acts:
            event = an_event(work, verb, event_at=NOON + timedelta(hours=hour))
            move(work, event, pallet, "parent", "observed")
            if child:
                amount = None if quantity is None else Decimal(quantity)
                values = {"container": pallet, "quantity": amount, "unit": "kg"}
                move(work, event, nodes[child], "child", "observed", **values)
        return pallet

    pallet = _fill(store, build)
    names = {node: name for name, node in nodes.items()}
    with store.read() as session:
        rows = contents_of(session, 1, [pallet])
    assert {row.container for row in rows} <= {pallet}
    hours = [
        (
            names[row.node],
            None if row.quantity is None else str(row.quantity),
            (row.packed_at - NOON).seconds // 3600,
            row.unpacked_at and (row.unpacked_at - NOON).seconds // 3600,
        )
        for row in rows
    ]
    return sorted(hours, key=str)


@pytest.mark.parametrize(
    ("acts", "stays"),
    [
        ([(1, "pack", "a", "5")], [("a", "5", 1, None)]),
        ([(1, "pack", "a", "5"), (2, "unpack", "a", "5")], [("a", "5", 1, 2)]),
        ([(1, "pack", "a", "5"), (2, "unpack", "a", "2")], [("a", "2", 1, 2), ("a", "3", 1, None)]),
        (
            [(1, "pack", "a", None), (2, "unpack", "a", "2")],
            [("a", "2", 1, 2), ("a", None, 1, None)],
        ),
        ([(1, "pack", "a", "5"), (2, "unpack", "a", None)], [("a", "5", 1, 2)]),
        (
            [(1, "pack", "a", "5"), (1, "pack", "b", "1"), (3, "unpack", "", None)],
            [("a", "5", 1, 3), ("b", "1", 1, 3)],
        ),
        (
            [(1, "pack", "a", "5"), (2, "pack", "a", "4"), (3, "unpack", "a", "6")],
            [("a", "1", 2, 3), ("a", "3", 2, None), ("a", "5", 1, 3)],
        ),
        ([(2, "unpack", "a", "5"), (1, "pack", "a", "5")], [("a", "5", 1, 2)]),
        ([(1, "unpack", "a", "5"), (2, "pack", "a", "5")], [("a", "5", 2, None)]),
    ],
    ids=["in", "out", "part", "unknown", "all", "emptied", "twice", "told late", "out first"],
)
def test_a_pallet_holds_what_was_packed_until_it_was_unpacked(lasting_store: Store, acts, stays):
    assert _pallet(lasting_store, acts) == stays


def test_what_is_inside_a_case_on_a_pallet_is_found(store: Store):
    (lot,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> list[int]:
        case, pallet = (node.node for node in work.new_nodes("logistic_unit", 2))
        work.insert(LogisticUnit, [{"node": case, "code": "C"}, {"node": pallet, "code": "P"}])
        for child, parent in ((lot, case), (case, pallet)):
            move(work, an_event(work, "pack"), child, "child", "observed", container=parent)
        return [case, pallet]

    case, pallet = _fill(store, build)
    with store.read() as session:
        found = {(row.container, row.node, row.kind) for row in contents_of(session, 1, [pallet])}
    assert found == {(pallet, case, "logistic_unit"), (case, lot, "lot")}


def _a_record(work: UnitOfWork, nodes: list[int]) -> None:
    version = _row(
        DefinitionVersion,
        work,
        uid="d",
        kind="workflows",
        name="deviation",
        number=1,
        pack="base",
        pack_version="1",
        fingerprint="f",
        published_at=NOON,
        published_by="qa",
    )
    record = _row(
        Record,
        work,
        uid="r",
        kind="deviation",
        number="DEV-1",
        state="open",
        workflow_version_id=version.id,
        form_version_id=version.id,
        registry_fingerprint="f",
        data={"severity": "critical"},
        opened_at=NOON,
        opened_by="qa",
    )
    for node in nodes:
        _row(RecordLink, work, record_id=record.id, about="node", node=node)


def test_a_record_about_two_lots_is_listed_once(store: Store):
    nodes = a_plant(store, 2).nodes
    _fill(store, lambda work: _a_record(work, nodes))
    with store.read() as session:
        (record,) = records_about(session, 1, nodes)
    assert (record.number, record.data) == ("DEV-1", {"severity": "critical"})
    assert record.as_json()["closed_at"] is None


def test_superseded_results_are_kept_and_told_apart(store: Store):
    (node,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> None:
        for uid, value, after in (("1", "98.10", "2"), ("2", "99.0", None)):
            _row(
                InspectionResult,
                work,
                uid=uid,
                node=node,
                characteristic="assay",
                value=value,
                verdict="pass",
                limits={"min": "95.0"},
                superseded_by=after,
                recorded_at=NOON,
                recorded_by="qc",
            )

    _fill(store, build)
    with store.read() as session:
        results = results_of(session, 1, node)
    assert [(r.value, r.superseded_by) for r in results] == [("98.10", "2"), ("99.0", None)]
    assert results[0].as_json()["limits"] == {"min": "95.0"}


def test_the_changes_of_a_lot_are_listed_in_order(store: Store):
    plant = a_plant(store)

    def build(work: UnitOfWork) -> None:
        for number, state in ((2, "released"), (1, "testing")):
            _row(
                StateChange,
                work,
                uid=f"c{number}",
                subject_kind="lot",
                subject_uid=plant.uids[0],
                number=number,
                transition="x",
                from_state="",
                to_state=state,
                actor="qa",
                at=NOON,
            )

    _fill(store, build)
    with store.read() as session:
        changes = state_changes_of(session, 1, plant.uids[0])
    assert [change.as_json()["to"] for change in changes] == ["testing", "released"]


def test_only_open_discrepancies_are_listed(store: Store):
    (node,) = a_plant(store).nodes

    def build(work: UnitOfWork) -> None:
        told = {"node": node, "detail": "-1 kg", "found_at": NOON}
        _row(Discrepancy, work, uid="x", kind="negative", **told)
        _row(Discrepancy, work, uid="y", kind="early", resolved_at=NOON, **told)

    _fill(store, build)
    with store.read() as session:
        (found,) = open_discrepancies(session, 1, [node])
    assert (found.node, found.kind) == (node, "negative")
