"""A lot of water that went into thousands of products, each of which left: written by SQL.

It must not check anything. One use is recorded by the services, and its rows are copied.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from qtcore.services.events import EventInput
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.unit import UnitOfWork
from qtcore.testing import a_context, a_made_lot, a_party, a_received_lot, line, release
from qtcore.testing.builders import EVERYTHING

_FREE = 1 << 40
"""Keys from here on are nobody's: those of a young database are far smaller."""


@dataclass(frozen=True)
class Hub:
    """The public ids of the water and of the first product, whose rows the others are copies of."""

    water: str
    product: str


def a_hub(site: Site, uses: int) -> Hub:
    """Make a lot with so many uses, every product of it shipped; all are of one day."""
    water = a_received_lot(site, "WATER", "WATER-1", "1000000")
    release(site, water)
    product = a_made_lot(site, "SYRUP", "S-0", [(water, "1.5")], quantity="2")
    release(site, product)
    a_party(site, "SHOP", "customer")
    out = EventInput(
        "shipping", (line(product, "subject", "2"),), site.sources.now(), to_party="SHOP"
    )
    record_event(site, a_context(site, EVERYTHING), out)
    with site.store.write(site.system_context()) as work:
        _copy(work, (water.node, product.node), uses - 1)
        work.log("test.copy", "lot", water.uid)
    return Hub(water.uid, product.uid)


def _copy(work: UnitOfWork, nodes: tuple[int, int], count: int) -> None:
    """Copy the product with the events that made it and sent it away."""
    connection = work.session.connection()
    water, product = nodes
    made, shipped = (
        connection.execute(
            text("SELECT event_id FROM movement WHERE node = :node AND effect = :effect"),
            {"node": product, "effect": effect},
        ).scalar_one()
        for effect in ("produced", "shipped")
    )
    new = f"{_FREE} + s.n"
    _rows(connection, count, "node", f"t.node = {product}", node=new, uid=_uid(connection, "8"))
    _rows(connection, count, "lot", f"t.node = {product}", node=new, lot_no="'S-' || s.n")
    for number, event in enumerate((made, shipped), 1):
        told = f"{number * _FREE} + s.n"
        uid = _uid(connection, str(number))
        _rows(connection, count, "event", f"t.id = {event}", id=told, uid=uid)
        which = f"t.event_id = {event} AND t.node = {product}"
        moved = f"{(2 + number) * _FREE} + s.n"
        _rows(connection, count, "movement", which, id=moved, event_id=told, node=new)
    which = f"t.event_id = {made} AND t.node = {water}"
    told = f"{_FREE} + s.n"
    _rows(connection, count, "movement", which, id=f"{5 * _FREE} + s.n", event_id=told)
    linked = f"t.event_id = {made}"
    _rows(connection, count, "edge", linked, id=f"{6 * _FREE} + s.n", event_id=told, dst=new)


def _uid(connection: Connection, group: str) -> str:
    is_postgres = connection.dialect.name == "postgresql"
    digits = "lpad(s.n::text, 12, '0')" if is_postgres else "printf('%012d', s.n)"
    return f"'00000000-0000-7000-800{group}-' || {digits}"


def _rows(connection: Connection, count: int, table: str, which: str, **changed: str) -> None:
    """Copy rows of a table so many times, with some columns changed."""
    names = list(connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())
    values = ", ".join(changed.get(name, f't."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :count)"
    into = f"INSERT INTO {table} ({listed}) {numbers}"
    copied = f"SELECT {values} FROM {table} t, s WHERE {which}"
    connection.execute(text(f"{into} {copied}"), {"count": count})
