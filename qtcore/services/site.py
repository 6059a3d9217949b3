"""A site at work: its database, compiled definitions, sources of time and signing key.

It must not know use cases; every service takes a Site first and a Context second.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlmodel import Session

from qtcore.context import SYSTEM_LOGIN, Actor, Context, Sources
from qtcore.definitions.problems import Problem, render_problems
from qtcore.errors import DefinitionsRejected, Fault, InputRejected
from qtcore.registry.hooks import Hooks
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry
from qtcore.registry.stored import Configuration, compile_configuration, read_disk, require_base
from qtcore.services.configurations import (
    Published,
    find_version,
    read_published,
    read_texts_of,
)
from qtcore.services.password_choice import BreachedPasswords, read_breached_passwords
from qtcore.services.passwords import PasswordDesk
from qtcore.services.providers import ProviderDesk
from qtcore.services.session_rules import SessionRules, read_session_rules
from qtcore.services.tallies import Tally
from qtcore.services.uploads import Easel
from qtcore.store.key_changes import require_key, settle_signer
from qtcore.store.outposts import NOBODY, Outposts, read_outposts
from qtcore.store.providers import read_providers
from qtcore.store.signers import Signer, load_or_make_signer
from qtcore.store.store import Store, open_store

UNKNOWN_PARTY = "unknown"
UNKNOWN_PLACE = "unknown"


@dataclass(frozen=True, repr=False)
class Site:
    """Everything a service needs; frozen. Another published version is another Site.

    `version` is the number of the configuration that serves; 0 when the registry was compiled from
    disk, before the first publication. `on_disk` is what the folders hold now. `public_url` is
    where people outside reach this site, without a slash at its end; empty when nobody said so.
    """

    store: Store
    registry: Registry
    sources: Sources
    signer: Signer
    warnings: tuple[Problem, ...] = ()
    version: int = 0
    on_disk: Configuration | None = None
    outposts: Outposts = NOBODY
    public_url: str = ""
    desk: PasswordDesk = field(default_factory=PasswordDesk)
    easel: Easel = field(default_factory=Easel)
    tally: Tally = field(default_factory=Tally)
    sessions: SessionRules = field(default_factory=SessionRules)
    providers: ProviderDesk = field(default_factory=ProviderDesk)
    breached: BreachedPasswords = field(default_factory=BreachedPasswords)

    def __repr__(self) -> str:
        """Say which it is; keys, addresses and all files of all packs are in what it holds."""
        return f"Site(version={self.version}, registry={self.registry!r})"

    @property
    def hooks(self) -> Hooks:
        """The hooks of the sound packs."""
        return self.registry.hooks

    def system_context(self, language: str = "en") -> Context:
        """Make the context of the product itself: start-up, sealing, jobs."""
        return Context(
            actor=Actor(login=SYSTEM_LOGIN, name="QTCore", is_system=True),
            at=self.sources.now(),
            request_id=self.sources.new_id(),
            language=language,
        )

    def close(self) -> None:
        """Give the database back."""
        self.store.close()


def compile_site(
    site_dir: Path | None, packs: Sequence[str] | None = None
) -> tuple[Registry, tuple[Problem, ...]]:
    """Compile base, packs and site folder; broken packs are named in the problems and left out.

    Raises DefinitionsRejected when not even the base can serve.
    """
    compiled = load_registry(site_dir=site_dir, packs=packs)
    if compiled.registry is None:
        faults = _as_faults(compiled.problems)
        raise DefinitionsRejected(
            f"the definitions have {len(faults)} problem(s); run `qtcore check` and mend them",
            faults,
            report=render_problems(compiled.problems, compiled.sources),
        )
    return compiled.registry, compiled.problems


def _as_faults(problems: Iterable[Problem]) -> list[Fault]:
    return [Fault(p.code, p.message, f"{p.file}:{p.line}:{p.column}") for p in problems]


def require_own_pack(site: Site, site_dir: Path | None) -> None:
    """Raise DefinitionsRejected when the site's own folder is broken and would be published.

    Any other broken pack is named, left out, and blocks what depends on it. With the site's own
    folder its roles, limits and policies would be left out, and people could do and see more.
    What was published was checked before; so nothing is asked of a site that serves that.
    """
    if site.version or site_dir is None:
        return
    own = [p for p in site.registry.packs if p.layer == "site" or p.name == site_dir.name]
    broken = [problem for pack in own if pack.is_broken for problem in pack.problems]
    if broken:
        raise DefinitionsRejected(
            f"the site at {site_dir} is broken, and its roles and limits would be left out; run "
            f"`qtcore check {site_dir}` and mend it",
            _as_faults(broken),
        )


def site_zone() -> ZoneInfo | None:
    """Give the zone of the site: `QTCORE_TIME_ZONE`, such as Asia/Shanghai, or the machine's own.

    Raises InputRejected for a name that is no zone.
    """
    name = os.environ.get("QTCORE_TIME_ZONE", "")
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InputRejected(
            f"QTCORE_TIME_ZONE {name!r} is no time zone; give one such as Europe/Ljubljana"
        ) from exc


def public_url() -> str:
    """Give the public address of the site: `QTCORE_PUBLIC_URL`, such as https://qt.example.com

    Links to people outside are built from it alone, never from what a request names as its host.
    Raises InputRejected for what is no such address.
    """
    text = os.environ.get("QTCORE_PUBLIC_URL", "").strip()
    try:
        parts = urlsplit(text)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not text or (is_sound and "@" not in parts.netloc and not parts.query + parts.fragment):
        return text.rstrip("/")
    raise InputRejected(
        f"QTCORE_PUBLIC_URL {text!r} is no address of a site; give one such as "
        "https://qt.example.com"
    )


def default_key_folder(url: str) -> Path:
    """Say where the ledger's signing key lies: beside the SQLite file, never inside a database."""
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        database = Path(url.removeprefix("sqlite:///"))
        return database.with_name(f"{database.name}.keys")
    return Path.home() / ".qtcore" / "keys"


def open_site(
    url: str,
    *,
    site_dir: Path | None = None,
    sources: Sources | None = None,
    key_folder: Path | None = None,
    create: bool = False,
    writable: bool = True,
) -> Site:
    """Open a site: what was published serves; only a new database reads definitions from disk.

    `create` makes and migrates a new database; without `writable` it can be read while another
    process writes. Raises StoreUnavailable or DefinitionsRejected.
    """
    sources, address = sources or Sources(zone=site_zone()), public_url()
    rules, breached = read_session_rules(), read_breached_passwords()
    store = open_store(url, sources=sources, create=create, writable=writable)
    with ExitStack() as undo:
        undo.callback(store.close)
        published = read_published(store)
        if published is None:
            registry, problems = compile_site(site_dir)
            version, on_disk = 0, None
        else:
            registry, problems = compile_published(published)
            version = published.number
            on_disk = read_disk(site_dir, published.configuration)
        folder = key_folder or default_key_folder(url)
        require_key(store, folder)
        outposts = read_outposts(folder)
        providers = ProviderDesk(read_providers(folder))
        signer = settle_signer(store, load_or_make_signer(folder))
        undo.pop_all()
    return Site(
        store, registry, sources, signer, problems, version, on_disk, outposts, address,
        sessions=rules, providers=providers, breached=breached,
    )  # fmt: skip


def compile_published(published: Published) -> tuple[Registry, tuple[Problem, ...]]:
    """Compile a published configuration from its stored texts, never from the disk."""
    compiled = compile_configuration(published.configuration)
    what = f"configuration version {published.number}"
    return require_base(compiled, what), compiled.problems


def registry_at(site: Site, session: Session, number: int) -> Registry:
    """Give the registry of a published version: the one that serves, or compiled of its texts.

    Raises DefinitionsRejected when this release can no longer compile it.
    """
    row = find_version(session, site.store.tenant_id, number)
    if row is None or row.fingerprint == site.registry.fingerprint:
        return site.registry
    texts = read_texts_of(session, site.store.tenant_id, row.packs)
    return require_base(compile_configuration(texts), f"configuration version {number}")


def with_registry(
    site: Site, registry: Registry, problems: tuple[Problem, ...], version: int
) -> Site:
    """Give the same site with another registry; database, clock and key stay."""
    return replace(site, registry=registry, warnings=problems, version=version)
