"""The site as it serves now: another published version is taken over between two requests.

It must not publish. One request sees one Site from its beginning to its end.
"""

import gc
import threading
from typing import Final

import structlog

from qtcore.errors import QTCoreError
from qtcore.services.configurations import newest_number, read_published
from qtcore.services.site import Site, compile_published, with_registry

_LOG = structlog.get_logger("qtcore.serving")
_COLLECTED_AFTER: Final = (50_000, 20, 50)
"""Containers made until the youngest are looked at, and rounds until the next generations are."""


def settle_memory() -> None:
    """Keep the collector of circles from what stays; called once, when a process has loaded it.

    A trace of forty thousand lots makes half a million rows that live until it is answered, and no
    circle among them. Python would look through all of them a dozen times meanwhile, and through
    the definitions, for a third of the answer's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


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
