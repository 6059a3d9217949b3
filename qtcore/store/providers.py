"""Who else may say who somebody is: the identity providers of a site, from a file.

It must not call anybody. `providers.toml` lies in the folder of the signing key, outside the
database; so does the secret, or it comes from the environment:

    [[provider]]
    id = "company"
    title = "Company account"
    issuer = "https://login.example.com/plant"
    client_id = "qtcore"
    secret_file = "company.secret"

`docs/access.md` lists every key.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from qtcore.errors import StoreUnavailable
from qtcore.store.outposts import is_fixed

PROVIDERS_FILE: Final = "providers.toml"
# Signatures by a key that only the provider has: `none` and shared secrets are never accepted.
ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
MOST_SKEW: Final = 300
_NEEDED: Final = {"id", "title", "issuer", "client_id"}
_TEXTS: Final = _NEEDED | {"secret_file", "scopes", "roles_claim", "login_claim"}
_KNOWN: Final = _TEXTS | {"private", "algorithms", "skew_seconds", "roles", "programs"}
_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Provider:
    """One identity provider (OpenID Connect) as the administrator of the site configured it.

    `roles`: which value of the claim `roles_claim` gives which roles, each ``role`` or
    ``role@SITE``; empty: nobody is made an account. `skew`: seconds that the clocks may differ.
    `programs`: client ids of programs whose tokens prove who signs through the API.
    """

    id: str
    title: str
    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)
    private: bool = False
    scopes: str = "openid profile"
    algorithms: tuple[str, ...] = ("RS256",)
    skew: int = 60
    roles_claim: str = "groups"
    login_claim: str = "preferred_username"
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    programs: tuple[str, ...] = ()

    @property
    def is_private(self) -> bool:
        """Say whether it may stand in our own network."""
        return self.private or is_fixed(self.issuer)


def read_providers(folder: Path) -> tuple[Provider, ...]:
    """Read `providers.toml` of a key folder; raises StoreUnavailable naming what is wrong in it."""
    file = folder / PROVIDERS_FILE
    if not file.exists():
        return ()
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        if set(told) != {"provider"} or not isinstance(told["provider"], list):
            raise ValueError("only [[provider]] is known in it")
        found = tuple(_read(folder, each) for each in told["provider"])
        for name in ("id", "issuer"):
            values = [getattr(each, name) for each in found]
            if len(set(values)) != len(values):
                raise ValueError(f"two entries have the same {name}")
    except (OSError, ValueError) as exc:
        raise StoreUnavailable(f"{file} cannot be used: {exc}", code="QT553") from exc
    return found


def _read(folder: Path, entry: dict[str, Any]) -> Provider:
    name = entry.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ValueError(f"id {name!r} is not of a-z, 0-9, - and _, such as company")
    unknown = set(entry) - _KNOWN
    if unknown or not set(entry) >= _NEEDED:
        raise ValueError(
            f"provider {name} has {sorted(entry)}; needed are {', '.join(sorted(_NEEDED))}, "
            f"accepted as well {', '.join(sorted(_KNOWN - _NEEDED))}"
        )
    for key in _TEXTS & set(entry):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise ValueError(f"provider {name}: {key} is not text")
    kept = {key: entry[key] for key in (_TEXTS | {"private"}) & set(entry) if key != "secret_file"}
    if not isinstance(entry.get("private", False), bool):
        raise ValueError(f"provider {name}: private is neither true nor false")
    if "openid" not in entry.get("scopes", "openid").split():
        raise ValueError(f"provider {name}: scopes {entry['scopes']!r} lack openid")
    _check_issuer(name, entry["issuer"])
    return Provider(
        **kept,
        secret=_secret(folder, entry),
        algorithms=_algorithms(name, entry.get("algorithms", ["RS256"])),
        skew=_skew(name, entry.get("skew_seconds", 60)),
        roles=_roles(name, entry.get("roles", {})),
        programs=_programs(name, entry.get("programs", [])),
    )


def _check_issuer(name: str, issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"provider {name}: issuer {issuer!r} is no https address; http is taken for this "
            "machine only"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(folder: Path, entry: dict[str, Any]) -> str:
    """Read the client's secret: a file only its owner may read, else the environment, else none."""
    if "secret_file" in entry:
        file = folder / entry["secret_file"]
        if file.stat().st_mode & 0o077:
            raise ValueError(f"{file} may be read by others; run `chmod 400 {file}`")
        text = file.read_text(encoding="utf-8").strip()
        if not text:
            raise ValueError(f"{file} is empty")
        return str(text)
    variable = f"QTCORE_OIDC_SECRET_{entry['id'].upper().replace('-', '_')}"
    return os.environ.get(variable, "")


def _algorithms(name: str, told: object) -> tuple[str, ...]:
    if not isinstance(told, list) or not told or not set(map(str, told)) <= ALGORITHMS:
        raise ValueError(
            f"provider {name}: algorithms {told!r} are not of {', '.join(sorted(ALGORITHMS))}"
        )
    return tuple(told)


def _skew(name: str, told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told <= MOST_SKEW:
        raise ValueError(f"provider {name}: skew_seconds {told!r} is not 0 to {MOST_SKEW}")
    return told


def _programs(name: str, told: object) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(each, str) and each for each in told):
        raise ValueError(f"provider {name}: programs {told!r} is no list of client ids")
    return tuple(told)


def _roles(name: str, told: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, dict):
        raise ValueError(f'provider {name}: roles is no table such as {{ "qt-qa" = ["qa"] }}')
    for value, roles in told.items():
        is_list = isinstance(roles, list) and bool(roles)
        if not is_list or not all(isinstance(each, str) and each for each in roles):
            raise ValueError(f"provider {name}: roles of {value!r} are no list of roles")
    return {str(value): tuple(roles) for value, roles in told.items()}
