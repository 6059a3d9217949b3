"""All pages in one list.

It must not know what they show.
"""

from litestar.handlers import HTTPRouteHandler

from qtcore.http.pages import (
    config,
    configurations,
    corrections,
    delegations,
    devices,
    files,
    fill,
    flows,
    home,
    ledger,
    locking,
    lot,
    lot_acts,
    my_signing,
    notifications,
    printing,
    providers,
    recall,
    recall_work,
    records,
    release,
    reply,
    sessions,
    signers,
    signing,
    to_sign,
    trace,
    users,
)


def page_routes() -> tuple[HTTPRouteHandler, ...]:
    """List every page."""
    modules = (
        sessions,
        locking,
        providers,
        my_signing,
        signing,
        to_sign,
        delegations,
        devices,
        home,
        notifications,
        printing,
        lot,
        lot_acts,
        release,
        trace,
        files,
        fill,
        records,
        corrections,
        recall,
        recall_work,
        reply,
        ledger,
        config,
        configurations,
        users,
        signers,
        flows,
    )
    return tuple(route for module in modules for route in module.ROUTES)
