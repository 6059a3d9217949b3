"""No business row is stored without its ledger entry, whichever way it is written."""

import pytest
from sqlalchemy import text
from sqlmodel import select

from qtcore.errors import QTCoreError
from qtcore.store.store import Store
from qtcore.store.tables import Item, LedgerEvent, Outbox
from qtcore.store.unit import UnitOfWork
from tests.rows import NOON, a_context, a_plant


@pytest.mark.clause("21 CFR 11.10(e)")
def test_a_failed_act_leaves_neither_rows_nor_ledger(store: Store):
    before = _counts(store)
    with pytest.raises(RuntimeError, match="power"), store.write(a_context()) as work:
        work.add(_item(work, "A"))
        work.log("item.create", "item", "i-1")
        work.publish("event", {"id": "i-1"})
        work.flush()
        raise RuntimeError("the power went")
    assert _counts(store) == before


@pytest.mark.clause("21 CFR 11.10(e)")
def test_rows_without_a_ledger_entry_are_refused(store: Store):
    with (
        pytest.raises(
            QTCoreError, match="rows of item were written without a ledger entry"
        ) as caught,
        store.write(a_context()) as work,
    ):
        work.add(_item(work, "A"))
    assert caught.value.code == "QT510"
    assert _codes(store) == []


def test_without_the_guard_such_rows_would_be_stored(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qtcore.store.unit.check_watch", lambda *_args, **_options: None)
    with store.write(a_context()) as work:
        work.add(_item(work, "A"))
    assert _codes(store) == ["A"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE item SET name = 'other'",
        "  /* hint */ update item set name = 'other'",
        "DELETE FROM lot",
        "WITH them AS (SELECT 1 AS id) UPDATE item SET name = 'x' WHERE 1 IN (SELECT id FROM them)",
    ],
    ids=["update", "comment", "delete", "with"],
)
def test_plain_statements_are_watched_too(store: Store, statement: str):
    a_plant(store)
    with (
        pytest.raises(QTCoreError, match="without a ledger entry"),
        store.write(a_context()) as work,
    ):
        work.session.connection().execute(text(statement))


def test_plumbing_needs_no_entry_and_takes_nothing_else(store: Store):
    with store.plumbing() as session:
        session.add(
            Outbox(tenant_id=store.tenant_id, id=10**6, topic="t", created_at=NOON, payload={})
        )
    with store.read() as session:
        assert len(session.exec(select(Outbox)).all()) == 1
    with pytest.raises(QTCoreError, match="rows of item"), store.plumbing() as session:
        session.add(Item(tenant_id=store.tenant_id, id=1, uid="i", code="A", name="A"))


def test_an_entry_alone_may_be_stored(store: Store):
    uid = store.note(a_context(), "lot.release.refused", "lot", "n-1", reason="hold")
    with store.read() as session:
        assert session.exec(select(LedgerEvent.uid)).all() == [uid]


def _item(work: UnitOfWork, code: str) -> Item:
    return Item(tenant_id=work.tenant_id, id=work.key(), uid=work.new_uid(), code=code, name=code)


def _codes(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Item.code)).all())


def _counts(store: Store) -> list[int]:
    with store.read() as session:
        return [len(session.exec(select(table)).all()) for table in (Item, LedgerEvent, Outbox)]
