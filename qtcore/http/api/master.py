"""Master data in the API: items, parties, places and equipment by their codes.

It must not know lots.
"""

from collections.abc import Mapping

from litestar.handlers import HTTPRouteHandler

from qtcore.http.api.inputs import (
    EquipmentBody,
    ItemBody,
    MasterBody,
    PageQuery,
    PartyBody,
    PlaceBody,
)
from qtcore.http.api.operations import Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.catalogue import list_master
from qtcore.services.master import MasterInput, save_master
from qtcore.services.rights import require

ENTITIES: Mapping[str, tuple[str, type[MasterBody]]] = {
    "items": ("item", ItemBody),
    "parties": ("party", PartyBody),
    "locations": ("location", PlaceBody),
    "equipment": ("equipment", EquipmentBody),
}
_SHARED = frozenset(MasterBody.model_fields)


def _routes(plural: str, entity: str, model: type[MasterBody]) -> tuple[HTTPRouteHandler, ...]:
    def list_all(call: Call, sent: Sent) -> Answer:
        asked: PageQuery = sent.query
        page = list_master(call.site, call.act(), entity, after=asked.cursor, limit=asked.limit)
        return Answer(page.as_json())

    def save(call: Call, sent: Sent) -> Answer:
        require(call.site, call.act(), "master.write", about=entity)
        body: MasterBody = sent.body
        values = {k: v for k, v in body.model_dump(mode="json").items() if k not in _SHARED}
        entry = MasterInput(entity, body.code, body.name, body.names, values, body.extra)
        uid = save_master(call.site, call.act(), entry)
        return Answer({"id": uid, "code": body.code}, 201)

    list_all.__name__, save.__name__ = f"list_{plural}", f"save_{entity}"
    return (
        operation(
            "GET", f"/{plural}", summary=f"List {plural}", answer="MasterList", query=PageQuery
        )(list_all),
        operation(
            "POST",
            f"/{plural}",
            summary=f"Make or change an entry of {plural}, by its code",
            answer="MasterSaved",
            status=201,
            body=model,
        )(save),
    )


ROUTES = tuple(
    route
    for plural, (entity, model) in ENTITIES.items()
    for route in _routes(plural, entity, model)
)
