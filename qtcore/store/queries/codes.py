"""Which lots and units a GTIN means, with or without a lot number or serial.

It must not know how a code is written.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.tables import Item, Lot, Unit

_ITEM: Final = table_of(Item)
_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_NUMBERS: Final = {"lot": (_LOT, _LOT.c.lot_no), "unit": (_UNIT, _UNIT.c.serial)}


def nodes_of_gtin(
    session: Session, tenant_id: int, gtins: Collection[str], *, kind: str, number: str = ""
) -> list[int]:
    """Find the lots or units of the items with one of these GTINs, as code or as field `gtin`.

    With `number` only those with this lot number or serial; otherwise the newest, at most 200.
    """
    table, name = _NUMBERS[kind]
    meant = or_(_ITEM.c.code.in_(gtins), _ITEM.c.extra["gtin"].as_string().in_(gtins))
    of_item = and_(_ITEM.c.tenant_id == table.c.tenant_id, _ITEM.c.id == table.c.item_id)
    statement = (
        select(table.c.node)
        .select_from(_ITEM.join(table, of_item))
        .where(_ITEM.c.tenant_id == tenant_id, meant)
        .order_by(table.c.node.desc())
        .limit(200)
    )
    if number:
        statement = statement.where(name == number)
    return list(session.execute(statement).scalars())
