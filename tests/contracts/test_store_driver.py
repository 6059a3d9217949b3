"""Statements that go straight to the driver: the same values and the same exceptions as before."""

from datetime import timedelta

import pytest
from sqlalchemy import BigInteger, bindparam, insert, select
from sqlalchemy.exc import IntegrityError, ProgrammingError

from qtcore.errors import Conflict
from qtcore.store.columns import driver_readers, table_of
from qtcore.store.driver import change_rows, rows_of, run
from qtcore.store.queries.keyset import TENANT, plain_rows, rows_for, told_by_driver
from qtcore.store.queries.lens import Lens
from qtcore.store.queries.nodes import _described
from qtcore.store.queries.records import _CHANGES
from qtcore.store.queries.trace import _edges
from qtcore.store.store import Store
from qtcore.store.tables import Event, Item, Lot, Movement, Node
from qtcore.testing import a_context, a_made_lot, a_received_lot, a_site, release
from tests.rows import NOON, a_plant, link
from tests.statements import counted


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def site(request: pytest.FixtureRequest):
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    with a_site(url, packs=["food"]) as opened:
        raw = a_received_lot(opened, lot_no="R-1")
        release(opened, raw)
        a_made_lot(opened, "CHEESE", "C-1", [(raw, "1.50")])
        yield opened


@pytest.mark.parametrize("model", [Event, Item, Lot, Movement, Node])
def test_values_are_read_as_sqlalchemy_reads_them(site, model):
    statement = select(*table_of(model).c)
    with site.store.read() as session:
        connection = session.connection()
        ours = rows_of(connection, statement, {})
        assert [*map(tuple, ours)] == [*map(tuple, connection.execute(statement))]
        assert ours


def test_statements_with_parameters_and_constants_give_the_same(site):
    uid = a_received_lot(site, lot_no="R-2").uid
    with site.store.read() as session:
        connection = session.connection()
        node = table_of(Node)
        key = connection.execute(select(node.c.node).where(node.c.uid == uid)).scalar_one()
        keys = [key] if site.store.dialect == "postgresql" else f"[{key}]"
        asked = {"tenant": 1, "keys": keys}
        statement = _described(site.store.dialect)
        (ours,) = rows_of(connection, statement, asked)
        assert tuple(ours) == tuple(connection.execute(statement, asked).one())
        asked = {"tenant": 1, "subject": uid}
        told = [tuple(row) for row in connection.execute(_CHANGES, asked)]
        assert [tuple(row) for row in rows_of(connection, _CHANGES, asked)] == told


def test_what_the_driver_refuses_is_an_exception_of_sqlalchemy(site):
    node = table_of(Node)
    again = insert(node).values(
        tenant_id=1,
        node=bindparam("key", type_=BigInteger),
        uid="twice",
        kind="lot",
        recorded_at=site.sources.now(),
    )
    context = a_context(site, ["qa"])
    refused = pytest.raises(Conflict, match="stored the same key")
    with refused as found, site.store.rehearse(context) as work:
        connection = work.session.connection()
        change_rows(connection, again, {"key": 9_000_001})
        change_rows(connection, again, {"key": 9_000_002})
    assert isinstance(found.value.__cause__, IntegrityError)


def test_a_list_of_values_is_refused_before_it_is_sent(site):
    statement = select(table_of(Item).c.code).where(table_of(Item).c.code.in_(["MILK", "CHEESE"]))
    with site.store.read() as session, pytest.raises(ValueError, match="takes lists as keys"):
        rows_of(session.connection(), statement, {})


def test_wrong_text_is_named_as_it_would_be(site):
    with site.store.read() as session, pytest.raises(Exception, match=r"(?i)syntax") as found:
        run(session.connection(), "SELEKT 1", ())
    assert isinstance(found.value, ProgrammingError) or "SELEKT" in str(found.value)


def test_plain_rows_hold_the_values_that_the_driver_has(lasting_store: Store):
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
    statement = select(table_of(Node).c.node).where(table_of(Node).c.tenant_id == TENANT).limit(1)
    with store.read() as session, counted() as sent:
        assert told_by_driver(session, statement, {"tenant": 1}) == []
    assert [text.split()[0] for text in sent] == ["SELECT"]
