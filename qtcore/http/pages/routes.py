"""All pages in one list.

It must not know what they show.
"""

from litestar.handlers import HTTPRouteHandler

from qtcore.http.pages import (
    config,
    fill,
    home,
    ledger,
    lot,
    recall,
    records,
    release,
    sessions,
    trace,
)


def page_routes() -> tuple[HTTPRouteHandler, ...]:
    """List every page."""
    modules = (sessions, home, lot, release, trace, fill, records, recall, ledger, config)
    return tuple(route for module in modules for route in module.ROUTES)
