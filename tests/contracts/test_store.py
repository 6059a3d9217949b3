"""What every store promises: exact values, one act or nothing, one winner."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlmodel import col, select

from qtcore.errors import Conflict, InputRejected, NotFound, StoreUnavailable
from qtcore.store.columns import table_of
from qtcore.store.queries.events import get_event, movements_of
from qtcore.store.queries.lots import item_extra
from qtcore.store.store import Store
from qtcore.store.tables import (
    Item,
    Lot,
    Node,
    Party,
)
from tests.rows import NOON, a_context, a_plant, an_event, link, move


@pytest.mark.parametrize(
    "digits",
    ["12345678901234.123456789012", "1.10", "0.000000000001", "100", "0.0"],
)
def test_a_quantity_comes_back_with_its_digits(store: Store, digits: str):
    plant = a_plant(store)
    with store.write(a_context()) as work:
        event = an_event(work, "receive")
        move(work, event, plant.nodes[0], "output", "received", quantity=Decimal(digits), unit="kg")
        work.log("event.receive", "event", event.uid)
    with store.read() as session:
        (row,) = movements_of(session, store.tenant_id, plant.nodes)
    assert format(row.quantity, "f") == digits


@pytest.mark.parametrize("wrong", [1.5, 3, "2.0", Decimal("NaN"), Decimal("Infinity")], ids=str)
def test_a_quantity_that_is_no_finite_decimal_is_refused(store: Store, wrong: object):
    plant = a_plant(store)
    with (
        pytest.raises(StatementError, match="finite Decimal"),
        store.write(a_context()) as work,
    ):
        event = an_event(work)
        move(work, event, plant.nodes[0], "output", "received", quantity=wrong)
        work.log("event.receive", "event", event.uid)


def test_decimals_in_a_document_stay_exact(store: Store):
    with store.write(a_context()) as work:
        item = _item(work, "A", extra={"density": Decimal("1.10"), "steps": [Decimal("0.1"), 2]})
        work.add(item)
        work.log("item.create", "item", item.uid)
    with store.read() as session:
        assert item_extra(session, store.tenant_id, "A") == {"density": "1.10", "steps": ["0.1", 2]}


def test_times_come_back_aware_and_in_utc(store: Store):
    local = datetime(2026, 7, 1, 8, 30, 0, 250001, tzinfo=timezone(timedelta(hours=8)))
    with store.write(a_context()) as work:
        event = an_event(work, event_at=local, utc_offset="+08:00")
        work.log("event.transform", "event", event.uid)
    with store.read() as session:
        stored = get_event(session, store.tenant_id, event.uid)
    assert stored.event_at == local
    assert stored.event_at.tzinfo is UTC
    assert stored.utc_offset == "+08:00"


def test_a_time_without_a_zone_is_refused(store: Store):
    with (
        pytest.raises(Exception, match="timezone information"),
        store.write(a_context()) as work,
    ):
        an_event(work, event_at=datetime(2026, 7, 1))  # noqa: DTZ001
        work.log("event.transform", "event", "x")


def test_a_key_cannot_point_into_another_company(store: Store):
    plant = a_plant(store)
    stranger = {"node": plant.nodes[0], "uid": "n-2", "kind": "lot", "recorded_at": NOON}
    with (
        pytest.raises(IntegrityError, match=r"(?i)foreign key"),
        store.write(a_context()) as work,
    ):
        connection = work.session.connection()
        connection.execute(insert(table_of(Node)), {**stranger, "tenant_id": 2})
        lot = {"node": plant.nodes[0], "item_id": plant.item.id, "source_id": plant.party.id}
        connection.execute(
            insert(table_of(Lot)), {**lot, "tenant_id": 2, "lot_no": "X", "state": "draft"}
        )
        work.log("lot.create", "lot", "n-2")


def test_rows_are_written_in_the_order_of_their_references(store: Store):
    with store.write(a_context()) as work:
        item, party = _item(work, "A"), _party(work, "P")
        node = work.new_node("lot")
        lot = Lot(
            tenant_id=work.tenant_id,
            node=node.node,
            item_id=item.id,
            source_id=party.id,
            lot_no="1",
            state="draft",
        )
        work.add(lot, item, party)
        assert work.session.exec(select(Lot.lot_no)).all() == ["1"]
        assert work.uid_of(node.node) == node.uid
        work.log("lot.create", "lot", node.uid)
    assert _codes(store) == ["A"]


def test_bulk_rows_get_their_tenant_and_defaults(store: Store):
    with store.write(a_context()) as work:
        work.insert(
            Item,
            [
                {"id": key, "uid": f"i-{key}", "code": f"C{key}", "name": "n", **extra}
                for key, extra in zip(work.keys(3), [{}, {"kind": "bulk"}, {}], strict=True)
            ],
        )
        work.log("item.load", "item", "all")
    with store.read() as session:
        rows = session.exec(select(Item).order_by(col(Item.id))).all()
    assert [(row.kind, row.version, row.extra) for row in rows] == [
        ("raw", 1, {}),
        ("bulk", 1, {}),
        ("raw", 1, {}),
    ]


def test_keys_are_never_given_twice(store: Store):
    given: list[int] = []

    def take() -> None:
        for _ in range(5):
            with store.write(a_context()) as work:
                given.extend([work.key() for _ in range(7)] + list(work.keys(4)))

    _run_together([take, take, take])
    assert len(given) == len(set(given)) == 3 * 5 * 11


def test_a_change_tells_old_and_new_and_counts_the_version(store: Store):
    a_plant(store)
    with store.write(a_context()) as work:
        lot = work.session.exec(select(Lot)).one()
        changes = work.change(lot, state="released", unit="kg")
        work.log("lot.release", "lot", work.uid_of(lot.node), changes=changes)
        assert (lot.state, lot.version) == ("released", 2)
    assert changes == {"state": ("quarantine", "released")}
    with store.read() as session:
        lot = session.exec(select(Lot)).one()
    assert (lot.state, lot.version) == ("released", 2)


def test_equal_values_change_nothing(store: Store):
    a_plant(store)
    with store.write(a_context()) as work:
        lot = work.session.exec(select(Lot)).one()
        assert work.change(lot, state="quarantine") == {}
        assert lot.version == 1


def test_a_change_of_what_somebody_else_changed_is_a_conflict(store: Store):
    a_plant(store)
    with store.read() as session:
        stale = session.exec(select(Lot)).one()
    _set_state(store, "testing")
    with (
        pytest.raises(Conflict, match="lot 'L0' was changed by somebody else since version 1"),
        store.write(a_context()) as work,
    ):
        work.change(stale, state="released")
        work.log("lot.release", "lot", "n")
    with pytest.raises(Conflict, match="since version 1 was read"):
        _set_state(store, "released", expected=1)
    with store.read() as session:
        assert session.exec(select(Lot.state)).one() == "testing"


def test_of_two_who_race_on_one_lot_exactly_one_wins(store: Store):
    a_plant(store)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def release() -> None:
        with store.read() as session:
            lot = session.exec(select(Lot)).one()
        ready.wait()
        try:
            with store.write(a_context()) as work:
                work.change(lot, state="released")
                work.log("lot.release", "lot", "n")
            outcomes.append("won")
        except Conflict:
            outcomes.append("lost")

    for round_ in range(5):
        _run_together([release, release])
        _set_state(store, f"quarantine {round_}")
    assert sorted(outcomes) == ["lost"] * 5 + ["won"] * 5


def test_the_same_key_twice_is_a_conflict(store: Store):
    a_plant(store)
    with pytest.raises(Conflict, match="same key"), store.write(a_context()) as work:
        work.add(_item(work, "GRAN"))
        work.log("item.create", "item", "i")


def test_a_unit_inside_a_unit_is_refused_instead_of_waiting_for_itself(store: Store):
    if store.dialect != "sqlite":
        return
    with pytest.raises(RuntimeError, match="inside another one"), store.write(a_context()):
        store.note(a_context(), "x", "lot", "n")
    store.note(a_context(), "x", "lot", "n")


def test_a_reader_sees_one_state_while_others_write(store: Store):
    a_plant(store)
    with store.read() as session:
        first = session.exec(select(Lot.state)).one()
        _set_state(store, "released")
        assert session.exec(select(Lot.state)).one() == first == "quarantine"
    with store.read() as session:
        assert session.exec(select(Lot.state)).one() == "released"


def test_a_read_session_cannot_write(store: Store):
    a_plant(store)
    with (
        pytest.raises((StoreUnavailable, DBAPIError), match=r"(?i)read.?only"),
        store.read() as session,
    ):
        session.execute(update(table_of(Lot)).values(state="released"))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"kind": "box"}, "node"),
        ({"part": "middle"}, "movement"),
        ({"effect": "vanished"}, "movement"),
        ({"quantity": Decimal("-1.0")}, "movement"),
        ({"same": True}, "edge"),
    ],
    ids=["kind", "part", "effect", "negative", "self-edge"],
)
def test_words_and_signs_the_code_does_not_know_are_refused(
    store: Store, row: dict[str, Any], column: str
):
    plant = a_plant(store)
    with pytest.raises(IntegrityError, match=f"(?i)check.*{column}|{column}.*check"):
        if column == "edge":
            link(store, [(plant.nodes[0], plant.nodes[0])])
            return
        with store.write(a_context()) as work:
            if column == "node":
                work.new_node(row["kind"])
            event = an_event(work)
            values = {"part": "output", "effect": "produced", **row}
            move(work, event, plant.nodes[0], values.pop("part"), values.pop("effect"), **values)
            work.log("x", "event", event.uid)


def test_an_adjustment_may_be_negative(store: Store):
    plant = a_plant(store)
    with store.write(a_context()) as work:
        event = an_event(work, "adjust")
        move(work, event, plant.nodes[0], "subject", "adjusted", quantity=Decimal("-2.50"))
        work.log("event.adjust", "event", event.uid)
    with store.read() as session:
        assert [str(m.quantity) for m in movements_of(session, 1, plant.nodes)] == ["-2.50"]


def test_a_public_id_that_is_not_there_is_named(store: Store):
    with store.read() as session, pytest.raises(NotFound, match="there is no event 'e-9'"):
        get_event(session, store.tenant_id, "e-9")
    with pytest.raises(NotFound, match="no node 99"), store.write(a_context()) as work:
        work.uid_of(99)


def test_text_that_no_ledger_can_keep_is_rejected(store: Store):
    with pytest.raises(InputRejected, match="lone surrogate"):
        store.note(a_context(), "x", "lot", "n", reason="bad \ud800 text")


def _item(work, code: str, **values: object) -> Item:
    return Item(
        **{
            "tenant_id": work.tenant_id,
            "id": work.key(),
            "uid": work.new_uid(),
            "code": code,
            "name": code,
            **values,
        }
    )


def _party(work, code: str) -> Party:
    return Party(tenant_id=work.tenant_id, id=work.key(), uid=work.new_uid(), code=code, name=code)


def _set_state(store: Store, state: str, expected: int | None = None) -> None:
    with store.write(a_context()) as work:
        lot = work.session.exec(select(Lot)).one()
        work.change(lot, expected=expected, state=state)
        work.log("lot.change", "lot", "n")


def _codes(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Item.code)).all())


def _run_together(jobs) -> None:
    failures: list[BaseException] = []

    def guarded(job) -> None:
        try:
            job()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
