"""The site as it serves now: another published version is taken over between two requests.

It must not publish. One request sees one Site from its beginning to its end.
"""

import threading

import structlog

from qtcore.errors import QTCoreError
from qtcore.services.configurations import newest_number, read_published
from qtcore.services.site import Site, compile_published, with_registry

_LOG = structlog.get_logger("qtcore.serving")


class Serving:
    """Hands out the Site for a request; safe to share between threads.

    Every instance of the application asks the database for the newest version's number, so that
    what one of them publishes is served by all from their next request on.
    """

    def __init__(self, site: Site, *, follows: bool = True) -> None:
        self._site = site
        self._follows = follows
        self._turn = threading.Lock()
        self._seen = site.version or self._newest()

    def now(self) -> Site:
        """Give the site as published; the version before when the newest cannot be compiled."""
        if self._follows:
            newest = self._newest()
            if newest != self._seen:
                self._take_over(newest)
        return self._site

    def replace(self, site: Site) -> None:
        """Serve another compile of the same database, as `qtcore serve --dev` does."""
        self._site = site

    def _newest(self) -> int:
        with self._site.store.read() as session:
            return newest_number(session, self._site.store.tenant_id)

    def _take_over(self, number: int) -> None:
        with self._turn:
            if number == self._seen:
                return
            try:
                published = read_published(self._site.store, number)
                if published is not None:
                    registry, problems = compile_published(published)
                    self._site = with_registry(self._site, registry, problems, number)
            except QTCoreError as error:
                _LOG.error("a published version cannot serve", number=number, error=error.message)
            self._seen = number
