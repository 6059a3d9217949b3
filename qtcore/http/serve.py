"""Serves a site with uvicorn.

It must not know routes.
"""

import uvicorn

from qtcore.http.app import make_app
from qtcore.services.site import Site


def serve(site: Site, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until interrupted; our own log lines replace uvicorn's."""
    uvicorn.run(
        make_app(site),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
