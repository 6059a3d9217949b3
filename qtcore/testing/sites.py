"""A whole site for one test: real registry, real SQLite, a clock that stands still, seeded chance.

It must not know lots or records.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.context import Sources
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry
from qtcore.services.definitions import publish_registry
from qtcore.services.site import Site
from qtcore.store.signers import Signer
from qtcore.store.store import open_store

IN_MEMORY = "sqlite://"
START = datetime(2026, 6, 1, 8, tzinfo=UTC)


@dataclass(slots=True)
class FrozenClock:
    """A clock that moves only when it is told to."""

    at: datetime = START

    def now(self) -> datetime:
        """Give the time it shows."""
        return self.at

    def advance(self, **amount: float) -> datetime:
        """Move it on: ``clock.advance(days=2, hours=3)``."""
        self.at += timedelta(**amount)
        return self.at


def seeded_bytes(seed: int = 1) -> Callable[[int], bytes]:
    """Give a source of bytes that is the same in every run."""
    return random.Random(seed).randbytes  # noqa: S311  # repeatable on purpose, never a secret


@cache
def a_registry(*packs: str) -> Registry:
    """Compile the base and the named packs (default: all installed) once per process."""
    return load_registry(packs=packs or None).get_registry()


@contextmanager
def a_site(
    url: str = IN_MEMORY,
    *,
    clock: FrozenClock | None = None,
    packs: Sequence[str] = (),
    registry: Registry | None = None,
    seed: int = 1,
) -> Iterator[Site]:
    """Open a new site with published definitions; `url` may also name a file that is to be made.

    Without `registry` the installed packs take part, or those named in `packs`.
    """
    clock = clock or FrozenClock()
    sources = Sources(now=clock.now, random_bytes=seeded_bytes(seed))
    used = registry or a_registry(*packs)
    store = open_store(url, sources=sources, create=True)
    key = Ed25519PrivateKey.from_private_bytes(seeded_bytes(seed)(32))
    site = Site(store, used, sources, Signer(f"qtcore/test-{seed}", key))
    try:
        publish_registry(site, site.system_context())
        yield site
    finally:
        site.close()


def sqlite_url(folder: Path, name: str = "site.db") -> str:
    """Name a SQLite file in a folder."""
    return f"sqlite:///{folder / name}"
