"""Who outside is told of the log: witnesses, folders and time-stamping authorities, from a file.

It must not call anybody. `ledger.toml` lies in the folder of the signing key, outside the database:

    [[witness]]
    url = "http://witness.qa.example:8001"
    vkey = "qtcore-witness/1f0c...+0a1b2c3d+BA..."

    [[folder]]
    path = "/mnt/worm/qtcore"

    [[authority]]
    url = "http://tsa.example/tsr"
    certificate = "tsa.pem"

A host in our own network has `private = true` beside its url; an address written in digits, or
`localhost`, needs it not: nobody outside decides where that leads.
"""

import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from qtcore.engines.ledger import NoteError
from qtcore.engines.ledger.cosign import WitnessKey, read_witness_key
from qtcore.errors import StoreUnavailable

OUTPOSTS_FILE: Final = "ledger.toml"
_KNOWN: Final = {
    "witness": {"url", "vkey"},
    "folder": {"path"},
    "authority": {"url", "certificate"},
}


@dataclass(frozen=True, slots=True)
class WitnessServer:
    """A witness that is asked over HTTP."""

    url: str
    key: WitnessKey
    private: bool = False

    @property
    def name(self) -> str:
        """What messages and rows call it."""
        return self.key.name

    @property
    def is_private(self) -> bool:
        """Say whether it may stand in our own network."""
        return self.private or is_fixed(self.url)


@dataclass(frozen=True, slots=True)
class WitnessFolder:
    """A folder that keeps what is written to it, such as a WORM share."""

    path: Path

    @property
    def name(self) -> str:
        """What messages and rows call it."""
        return f"folder {self.path}"[:200]


@dataclass(frozen=True, slots=True)
class StampAuthority:
    """A time-stamping authority (RFC 3161) and the certificate its stamps are checked with."""

    url: str
    certificate: Path
    private: bool = False

    @property
    def name(self) -> str:
        """What messages and rows call it."""
        return self.url[:200]

    @property
    def is_private(self) -> bool:
        """Say whether it may stand in our own network."""
        return self.private or is_fixed(self.url)


@dataclass(frozen=True, slots=True)
class Outposts:
    """All that a site was told of; empty when there is no file."""

    servers: tuple[WitnessServer, ...] = ()
    folders: tuple[WitnessFolder, ...] = ()
    authorities: tuple[StampAuthority, ...] = ()

    @property
    def has_witness(self) -> bool:
        """Say whether anybody outside sees the states of the log."""
        return bool(self.servers or self.folders)


NOBODY: Final = Outposts()


def read_outposts(folder: Path) -> Outposts:
    """Read `ledger.toml` of a key folder; raises StoreUnavailable naming what is wrong in it."""
    file = folder / OUTPOSTS_FILE
    if not file.exists():
        return NOBODY
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        _check(told)
        servers = tuple(
            WitnessServer(
                str(each["url"]).rstrip("/"),
                read_witness_key(str(each["vkey"])),
                each.get("private", False),
            )
            for each in told.get("witness", [])
        )
    except (OSError, ValueError, NoteError) as exc:
        raise StoreUnavailable(f"{file} cannot be used: {exc}", code="QT621") from exc
    return Outposts(
        servers,
        tuple(WitnessFolder(folder / str(each["path"])) for each in told.get("folder", [])),
        tuple(
            StampAuthority(
                str(each["url"]), folder / str(each["certificate"]), each.get("private", False)
            )
            for each in told.get("authority", [])
        ),
    )


def _check(told: dict[str, Any]) -> None:
    for kind, entries in told.items():
        if kind not in _KNOWN or not isinstance(entries, list):
            raise ValueError(f"[[{kind}]] is not known; accepted are {', '.join(sorted(_KNOWN))}")
        for each in entries:
            texts = {name: value for name, value in each.items() if name != "private"}
            if set(texts) != _KNOWN[kind] or (len(texts) < len(each) and "url" not in texts):
                wanted = ", ".join(sorted(_KNOWN[kind]))
                raise ValueError(f"[[{kind}]] has {sorted(each)}; accepted are {wanted}")
            if not isinstance(each.get("private", False), bool):
                raise ValueError(f"[[{kind}]] has a private that is neither true nor false")
            if not all(isinstance(value, str) and value for value in texts.values()):
                raise ValueError(f"[[{kind}]] has a value that is not text")
            if "url" in each and not each["url"].startswith(("http://", "https://")):
                raise ValueError(f"url {each['url']!r} does not begin with http:// or https://")


def is_fixed(url: str) -> bool:
    """Say whether an address is written in digits, or is `localhost`: no name server decides."""
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
