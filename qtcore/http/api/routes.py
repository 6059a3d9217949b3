"""All routes of the API in one list.

It must not know what they do.
"""

from litestar.handlers import HTTPRouteHandler

from qtcore.http.api import (
    access,
    attachments,
    config,
    delegations,
    devices,
    documents,
    happenings,
    ledger,
    lots,
    master,
    notifications,
    recalls,
    records,
    scanning,
    signing,
)
from qtcore.http.api.openapi import build_openapi, openapi_route
from qtcore.http.api.operations import Operation

ROUTES: tuple[HTTPRouteHandler, ...] = (
    *access.ROUTES,
    *lots.ROUTES,
    *happenings.ROUTES,
    *recalls.ROUTES,
    *records.ROUTES,
    *master.ROUTES,
    *delegations.ROUTES,
    *devices.ROUTES,
    *documents.ROUTES,
    *notifications.ROUTES,
    *ledger.ROUTES,
    *scanning.ROUTES,
    *signing.ROUTES,
    *config.ROUTES,
    *attachments.ROUTES,
)
OPERATIONS: tuple[Operation, ...] = tuple(route.opt["operation"] for route in ROUTES)


def api_routes() -> tuple[HTTPRouteHandler, ...]:
    """List the routes of the API with its own description."""
    return (*ROUTES, openapi_route(OPERATIONS))


__all__ = ["OPERATIONS", "ROUTES", "api_routes", "build_openapi"]
