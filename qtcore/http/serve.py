"""Serves a site with uvicorn.

It must not know routes.
"""

import uvicorn

from qtcore.http.app import make_app
from qtcore.http.logs import configure_logs
from qtcore.http.rates import read_rates
from qtcore.services.disk_watch import DiskWatch
from qtcore.services.jobs import Worker
from qtcore.services.serving import Serving, settle_memory
from qtcore.services.site import Site


def serve(
    site: Site,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    secure_cookies: bool | None = None,
    dev: DiskWatch | None = None,
    proxies: int = 0,
) -> None:
    """Serve until interrupted; a worker delivers and seals meanwhile.

    Our own log lines replace uvicorn's. With `dev` the definitions on disk serve as they are saved.
    """
    configure_logs()
    # One hands out the site for requests and for the worker: both follow what is published.
    serving = dev.serving if dev is not None else Serving(site)
    worker = Worker(serving)
    worker.start()
    if dev is not None:
        dev.start()
    app = make_app(
        serving,
        secure_cookies=secure_cookies,
        dev=dev is not None,
        disk=dev,
        proxies=proxies,
        rates=read_rates(),
    )
    settle_memory()
    try:
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
    finally:
        if dev is not None:
            dev.stop()
        worker.stop()
