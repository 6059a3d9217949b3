"""A whole site for one test: real registry, real SQLite, a clock that stands still, seeded chance.

It must not know lots or records.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

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
    return _chance(seed).randbytes


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
    chance = _chance(seed)
    begun = None if registry else _find_begun(url, tuple(packs), seed, clock.at)
    if begun is not None:
        chance.setstate(begun.chance)
    sources = Sources(now=clock.now, random_bytes=chance.randbytes)
    store = open_store(url, sources=sources, create=True, content=begun.content if begun else b"")
    site = Site(store, registry or a_registry(*packs), sources, _signer(seed))
    try:
        if begun is None:
            publish_registry(site, site.system_context())
        yield site
    finally:
        site.close()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A site as it is after its first publication: its database, and where its chance goes on."""

    content: bytes
    chance: tuple[Any, ...]


def _find_begun(url: str, packs: tuple[str, ...], seed: int, at: datetime) -> _Begun | None:
    """Give what a new site begins with; a file that is to be made has it from now on."""
    if url == IN_MEMORY:
        return _begin(packs, seed, at)
    file = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or file.exists():
        return None
    begun = _begin(packs, seed, at)
    file.write_bytes(begun.content)
    return begun


@lru_cache(maxsize=32)
def _begin(packs: tuple[str, ...], seed: int, at: datetime) -> _Begun:
    """Publish once per process: it takes several times as long as opening a copy of the result."""
    chance = _chance(seed)
    sources = Sources(now=lambda: at, random_bytes=chance.randbytes)
    store = open_store(IN_MEMORY, sources=sources, create=True)
    site = Site(store, a_registry(*packs), sources, _signer(seed))
    try:
        publish_registry(site, site.system_context())
        with store.read() as session:
            driver: Any = session.connection().connection.driver_connection
            return _Begun(driver.serialize(), chance.getstate())
    finally:
        site.close()


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # repeatable on purpose, never a secret


def _signer(seed: int) -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(seeded_bytes(seed)(32))
    return Signer(f"qtcore/test-{seed}", key)


def sqlite_url(folder: Path, name: str = "site.db") -> str:
    """Name a SQLite file in a folder."""
    return f"sqlite:///{folder / name}"
