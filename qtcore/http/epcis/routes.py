"""All routes of the standard in one list.

It must not know what they do.
"""

from litestar.handlers import HTTPRouteHandler

from qtcore.http.epcis import capture, events, queries, resources


def epcis_routes() -> tuple[HTTPRouteHandler, ...]:
    """List the routes under /epcis."""
    return (
        *resources.OPTIONS,
        *capture.ROUTES,
        *events.ROUTES,
        *queries.ROUTES,
        *resources.ROUTES,
    )
