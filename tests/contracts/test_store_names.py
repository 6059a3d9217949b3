"""Names of things are found by their beginning through an index, on every database."""

from qtcore.store.queries.epcis import list_epcs, nodes_named
from qtcore.store.store import Store
from qtcore.store.tables import Identifier
from qtcore.store.unit import UnitOfWork
from tests.rows import NOON, a_context, a_plant


def test_a_beginning_of_names_is_a_range_of_an_index(store: Store):
    (node,) = a_plant(store).nodes

    def name(work: UnitOfWork) -> None:
        told = {"node": node, "scheme": "uri", "is_global": True, "recorded_at": NOON}
        rows = [{**told, "id": work.key(), "value": f"urn:{number}"} for number in range(2000)]
        work.insert(Identifier, rows)

    with store.write(a_context()) as work:
        name(work)
        work.log("test.fill", "site", "x")
    names = ["urn:epc:id:sgtin:0614141.", "https://id.gs1.org/"]
    (asked,) = nodes_named(1, ["urn:a", "urn:b"], names)
    with store.read() as session:
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            connection.exec_driver_sql("ANALYZE identifier")
        written = asked.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = "\n".join(str(r[-1]) for r in connection.exec_driver_sql(f"{explain} {written}"))
    assert ("SCAN" in plan, "Seq Scan" in plan, "Filter" in plan) == (False, False, False), plan
    seek = "value>? AND value<?" if is_sqlite else "((value)::text >= "
    assert plan.count(seek) == len(names), plan


def test_names_are_found_by_their_beginning_and_listed_in_the_order_of_signs(store: Store):
    texts = ["urn:b:1", "urn:B:2", "urn:b:\u00e4", "urn:b", "urn:c"]
    nodes = a_plant(store, len(texts)).nodes

    def name(work: UnitOfWork) -> None:
        for node, value in zip(nodes, texts, strict=True):
            row = {"node": node, "scheme": "uri", "value": value, "is_global": True}
            work.insert(Identifier, [{**row, "id": work.key(), "recorded_at": NOON}])

    with store.write(a_context()) as work:
        name(work)
        work.log("test.fill", "site", "x")
    with store.read() as session:
        (asked,) = nodes_named(store.tenant_id, (), ["urn:b:"])
        found = session.execute(asked).scalars()
        assert sorted(found) == sorted([nodes[0], nodes[2]])
        listed = list_epcs(session, store.tenant_id, after="urn:B:2", limit=3)
    assert listed == ["urn:b", "urn:b:1", "urn:b:\u00e4"]
