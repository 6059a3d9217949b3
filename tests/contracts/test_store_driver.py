"""Statements run on the driver answer as SQLAlchemy would: same values, same faults."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qtcore.store.columns import driver_readers, table_of
from qtcore.store.driver import driver_faults, run_on_driver
from qtcore.store.queries.keyset import TENANT, first_row, plain_rows, rows_for, told_by_driver
from qtcore.store.queries.lens import Lens
from qtcore.store.queries.trace import _edges
from qtcore.store.store import Store
from qtcore.store.tables import Node
from tests.rows import NOON, a_plant, link
from tests.statements import counted

_NODE = table_of(Node)


def test_rows_and_values_are_those_of_sqlalchemy(lasting_store: Store):
    a, b, c = a_plant(lasting_store, 3).nodes
    link(lasting_store, [(a, b), (b, c)], "12.50")
    lens = Lens(as_of=NOON + timedelta(hours=1), kinds=("transform", "split"))

    def build(dialect):
        return _edges(dialect, is_forward=True, shape=lens.shape())

    with lasting_store.read() as session:
        more = lens.parameters()
        read = driver_readers(lasting_store.dialect)
        plain = {
            (*row[:5], read.amount(row[5]), *row[6:8], read.moment(row[8]))
            for row in plain_rows(session, build, 1, [a, b], more=more)
        }
        assert plain == {tuple(row) for row in rows_for(session, build, 1, [a, b], more=more)}
        assert len(plain) == 2
        early = Lens(as_of=NOON - timedelta(hours=1), kinds=lens.kinds)
        assert plain_rows(session, build, 1, [a, b], more=early.parameters()) == []


def test_whoever_counts_statements_hears_of_it(store: Store):
    statement = select(_NODE.c.node).where(_NODE.c.tenant_id == TENANT).limit(1)
    with store.read() as session, counted() as sent:
        assert first_row(session, statement, 1) is None
    assert [text.split()[0] for text in sent] == ["SELECT"]


def test_a_fault_of_the_driver_is_a_fault_of_sqlalchemy(store: Store):
    statement = select(func.no_such_function(TENANT))
    with store.read() as session, pytest.raises(DBAPIError):
        told_by_driver(session, statement, {"tenant": 1})
    with store.read() as session:
        driver = session.connection().dialect.loaded_dbapi
        # Without the turning, what reads the store would not know the fault.
        assert not issubclass(driver.Error, DBAPIError)
        with pytest.raises(DBAPIError), driver_faults(session.connection().dialect, "SELECT"):
            raise driver.OperationalError("the disk is gone")


def test_a_list_that_grows_has_no_text_of_its_own(store: Store):
    statement = select(_NODE.c.node).where(_NODE.c.kind.in_(["lot", "unit"]))
    with store.read() as session, pytest.raises(TypeError, match="name each"):
        run_on_driver(session.connection(), statement, {})
