"""Every route as every role, nobody, a token of one site and a stranger, against a reviewed table.

A route without a line fails. `QTCORE_WRITE_WALK=1 pytest -m slow` on this file writes the table
anew; its difference is reviewed like code. Every call has valid ids, and a body with the least that
its model asks for; programs come with a token, people with a session.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from qtcore.http.api.routes import OPERATIONS
from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.registry.load import load_registry
from qtcore.services.accounts import NewUser, add_user, find_account
from qtcore.services.audit import seal
from qtcore.services.devices import NewDevice, register_device
from qtcore.services.events import EventInput
from qtcore.services.holds import hold_all
from qtcore.services.master import MasterInput, get_master, save_master
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sessions import find_session, start_session
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, make_token
from qtcore.testing.builders import a_context, a_party, an_output
from qtcore.testing.sites import a_site
from tests.asgi_client import client_of

TABLE = Path(__file__).parent.parent / "golden" / "route_walk.txt"
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
# Not walked: files of the browser, and what needs no decision.
SKIPPED = ("/static/",)
PROGRAMS = ("/api/v1", "/epcis")


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody: a token for programs, a session with its form token for pages."""

    name: str
    token: str = ""
    secret: str = ""
    csrf: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """An application at EAST, who walks it, and a valid id for every name in an address."""

    app: Litestar
    walkers: list[Walker]
    ids: dict[str, str]
    bodies: dict[tuple[str, str], bytes]


def ids_of(site: Site) -> dict[str, str]:
    """Make one of everything at EAST, and name it."""
    everything = a_context(site, ["operator", "warehouse", "qa"])
    a_party(site, "EAST", "site")
    a_party(site, "WEST", "site")
    a_party(site, "FARM")
    with site.store.read() as session:
        party = get_master(session, site.store.tenant_id, "party", "EAST").id
    hall = MasterInput("location", "HALL", "Hall", values={"kind": "plant", "party_id": party})
    save_master(site, site.system_context(), hall)
    save_master(
        site, site.system_context(), MasterInput("item", "MILK", "Milk", values={"unit": "kg"})
    )
    came = an_output("MILK", "M-1", "10", source="FARM")
    event = EventInput("receiving", (came,), site.sources.now(), location="HALL", from_party="FARM")
    stored = record_event(site, everything, event)
    opened = submit_record(
        site, everything, "deviation", RecordInput({"title": "Smell", "severity": "minor"}, ["M-1"])
    )
    register_device(
        site, site.system_context(), NewDevice("SCALE-1", "Scale", "scale", "EAST", every_days=30)
    )
    held = hold_all(site, everything, ["M-1"], "smell")
    seal(site)
    return {
        "lot": "M-1",
        "lot_id": "M-1",
        "event": stored.event_id,
        "event_id": stored.event_id,
        "record": opened.record.number,
        "record_id": opened.record.number,
        "kind": "deviation",
        "hold_id": held.holds[0],
        "device": "SCALE-1",
        "login": "operator",
        "name": "deviation",
        "transition": "investigate",
        "number": "1",
    }


STANDS_HERE = {
    "lot", "lot_id", "event", "event_id", "record", "record_id", "hold_id", "device",
}  # fmt: skip
FEW = ("nobody", "admin", "operator", "operator@WEST", "qa_lot.read", "other_tenant")
"""Who walks in CI; everybody walks before a release (`-m slow`): 45 s of one core."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(FEW, marks=pytest.mark.heavy, id="few"),
        pytest.param((), marks=pytest.mark.slow, id="everybody"),
    ],
)
def walk(request: pytest.FixtureRequest) -> Iterator[Walk]:
    registry = load_registry(packs=[]).get_registry()
    with a_site(registry=registry) as site, a_site(registry=registry, seed=2) as other:
        ids = ids_of(site)
        walkers = [Walker("nobody")]
        for role in sorted(role.id for role in registry.list("roles")):
            walkers.append(a_walker(site, NewUser(role, role, (role,))))
        west = NewUser("west", "West", (), site_roles=(("WEST", "operator"),))
        walkers.append(replace(a_walker(site, west), name="operator@WEST"))
        narrow = NewUser("narrow", "Narrow", ("qa",))
        walkers.append(
            replace(a_walker(site, narrow, scope=("lot.read",)), name="qa_lot.read", secret="")
        )
        stranger = a_walker(other, NewUser("stranger", "Stranger", ("qa",)))
        walkers.append(replace(stranger, name="other_tenant"))
        app = make_app(site, logger=make_logger(io.StringIO()), rates=UNLIMITED)
        chosen = [who for who in walkers if not request.param or who.name in request.param]
        yield Walk(app, chosen, ids, bodies_of(app))


def a_walker(site: Site, user: NewUser, *, scope: tuple[str, ...] = ()) -> Walker:
    system = site.system_context()
    add_user(site, system, user)
    token = make_token(site, system, NewToken(user.login, scope=scope))["token"]
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, user.login)
    assert account is not None
    secret = start_session(site, system, account)
    return Walker(user.login, token, secret, find_session(site, secret).csrf_token)


def routes_of(app) -> list[tuple[str, str]]:
    """List every route of the application by its own table, in order."""
    found = {
        (method, route.path_format)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD") and not route.path_format.startswith(SKIPPED)
    }
    return sorted(found, key=lambda each: (each[1], each[0]))


def least(schema: dict[str, Any], known: dict[str, Any]) -> Any:
    """Give the least that a model accepts: what is required, each in its simplest form."""
    if "$ref" in schema:
        return least(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    if "anyOf" in schema:
        return least(schema["anyOf"][0], known)
    if schema.get("type") == "object":
        held = schema.get("properties", {})
        return {name: least(held[name], known) for name in schema.get("required", ())}
    simple = {"array": [], "integer": 1, "number": "1", "boolean": True, "null": None}
    if schema.get("type") == "array" and schema.get("minItems"):
        return [least(schema["items"], known)]
    if schema.get("format") == "date-time":
        return "2026-06-01T00:00:00Z"
    return simple.get(schema.get("type", ""), "MILK")


def bodies_of(app: Litestar) -> dict[tuple[str, str], bytes]:
    """Give the least body of every operation of the API."""
    found = {}
    for operation in OPERATIONS:
        if operation.body is not None:
            schema = operation.body.model_json_schema()
            told = least(schema, schema.get("$defs", {}))
            path = f"/api/v1{re.sub(r':str', '', operation.path)}"
            found[operation.method, path] = json.dumps(told).encode()
    return found


def verdict(client: httpx.Client, route: tuple[str, str], who: Walker, walk: Walk) -> str:
    method, path = route
    address = PARAMETER.sub(lambda found: walk.ids.get(found[1], "none"), path)
    content, headers = (
        b"",
        {"idempotency-key": re.sub(r"[^A-Za-z0-9._-]", "-", f"{who.name}-{method}-{address}")},
    )
    if path.startswith(PROGRAMS):
        headers |= {"authorization": f"Bearer {who.token}"} if who.token else {}
        if method != "GET":
            headers["content-type"] = "application/json"
            content = walk.bodies.get((method, PARAMETER.sub(r"{\1}", path)), b"{}")
            content = b"" if (method, PARAMETER.sub(r"{\1}", path)) not in walk.bodies else content
    else:
        headers |= {"cookie": f"qtcore_session={who.secret}"} if who.secret else {}
        if method != "GET":
            headers["content-type"] = "application/x-www-form-urlencoded"
            content = f"csrf_token={who.csrf}".encode()
    answer = client.request(
        method, address, headers=headers, content=content, follow_redirects=False
    )
    return str(answer.status_code)


def line_of(route: tuple[str, str], told: dict[str, str]) -> str:
    return f"{route[0]} {route[1]}: " + " ".join(f"{who}={code}" for who, code in told.items())


@pytest.fixture(scope="module")
def walked(walk: Walk) -> list[str]:
    """Walk every route as everybody; signing out comes last."""
    lines = []
    routes = sorted(routes_of(walk.app), key=lambda each: each[1] == "/sign-out")
    with client_of(walk.app) as client:
        for route in routes:
            # So many failed sign-ins in a row would make everybody rest.
            who_walks = walk.walkers if route != ("POST", "/sign-in") else walk.walkers[:1]
            told = {who.name: verdict(client, route, who, walk) for who in who_walks}
            lines.append(line_of(route, told))
    return lines


def reviewed_for(walk: Walk) -> list[str]:
    """Read the table, with the columns of those who walk now."""
    names = {who.name for who in walk.walkers}
    lines = []
    for line in TABLE.read_text("utf-8").splitlines():
        route, _, told = line.partition(": ")
        kept = [each for each in told.split() if each.split("=")[0] in names]
        lines.append(f"{route}: {' '.join(kept)}")
    return lines


def test_every_route_answers_every_role_as_the_reviewed_table_says(walk, walked):
    if os.environ.get("QTCORE_WRITE_WALK") and len(walk.walkers) > len(FEW):
        TABLE.write_text("\n".join(walked) + "\n", "utf-8")
    reviewed = reviewed_for(walk)

    assert sorted(set(walked) - set(reviewed)) == []
    assert sorted(set(reviewed) - set(walked)) == []


def test_nobody_and_strangers_get_in_nowhere_but_where_it_is_open(walked):
    opened = set()
    for line in walked:
        route, _, told = line.partition(": ")
        codes = dict(each.split("=") for each in told.split())
        assert codes.get("other_tenant", codes["nobody"]) == codes["nobody"], line
        if codes["nobody"] not in ("401", "303", "405"):
            opened.add(route)
    assert sorted(opened) == [
        "GET /healthz",
        "GET /reply/{secret}",
        "GET /sign-in",
        "GET /sign-in/from/{provider}",
        "GET /welcome/{secret}",
        "POST /reply/{secret}",
        "POST /sign-in/with/{provider}",
        "POST /welcome/{secret}",
    ]


def test_a_role_at_another_site_reads_and_changes_nothing_that_stands_here(walked):
    for line in walked:
        route, _, told = line.partition(": ")
        codes = dict(each.split("=") for each in told.split())
        names = set(PARAMETER.findall(route))
        if names & {
            "lot",
            "lot_id",
            "event",
            "event_id",
            "record",
            "record_id",
            "hold_id",
            "device",
        }:
            assert codes["operator@WEST"] in ("400", "403", "404", "405", "406"), line


def test_the_walk_sees_a_route_without_a_line(walk, walked):
    """The control: a route that is not in the table is a difference."""
    reviewed = set(reviewed_for(walk))
    assert {*walked, "GET /new: nobody=200"} - reviewed


def test_nothing_breaks_on_the_way(walked):
    assert [line for line in walked if re.search(r"=5\d\d", line)] == []
