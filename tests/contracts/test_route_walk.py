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
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar

from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.registry.load import load_registry
from qtcore.services.accounts import NewUser
from qtcore.testing.sites import a_site
from tests.asgi_client import client_of
from tests.markup import inline_in
from tests.walk_plant import PAPERS, Walker, a_walker, ids_of, intents_of
from tests.walking import OWN, QUERIES, VALUES, bodies_of, body_of, form_of

TABLE = Path(__file__).parent.parent / "golden" / "route_walk.txt"
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
# Not walked: files of the browser, and what needs no decision.
SKIPPED = ("/static/",)
# They end the session of who walks: walked last.
ENDING = ("/lock", "/sign-out")
PROGRAMS = ("/api/v1", "/epcis")


@dataclass(frozen=True, slots=True)
class Walk:
    """An application at EAST, who walks it, and a valid id for every name in an address."""

    app: Litestar
    walkers: list[Walker]
    ids: dict[str, str]
    bodies: dict[tuple[str, str], bytes]
    reader: Walker


STANDS_HERE = {
    "lot", "lot_id", "event", "event_id", "record", "record_id", "hold_id", "device",
    "hold", "attachment", "attachment_id", "recall_id", "intent", "intent_id", "subject_id",
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
def walk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("papers")
    for name, text in PAPERS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    registry = load_registry(packs=["food"], site_dir=folder).get_registry()
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
        ids |= intents_of(site, next(who for who in walkers if who.name == "qa"))
        stranger = a_walker(other, NewUser("stranger", "Stranger", ("qa",)))
        walkers.append(replace(stranger, name="other_tenant"))
        app = make_app(site, logger=make_logger(io.StringIO()), rates=UNLIMITED)
        chosen = [who for who in walkers if not request.param or who.name in request.param]
        # Those who walk are signed out at the end of it.
        reader = a_walker(site, NewUser("reader", "Reader", ("admin", "qa")))
        yield Walk(app, chosen, ids, bodies_of(), reader)


def routes_of(app) -> list[tuple[str, str]]:
    """List every route of the application by its own table, in order."""
    found = {
        (method, route.path_format)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD") and not route.path_format.startswith(SKIPPED)
    }
    return sorted(found, key=lambda each: (each[1], each[0]))


def address_of(path: str, ids: dict[str, str]) -> str:
    """Fill an address in; a recall is a record too, and has its own number."""
    value = next((v for place, v in VALUES.items() if path.startswith(place)), "none")
    own = {"value": quote(value, safe="")}
    own |= next((found for place, found in OWN.items() if path.startswith(place)), {})
    if path.startswith("/recall/"):
        own["record"] = ids["recall_id"]
    if path.startswith("/epcis/events/"):
        own["event_id"] = f"urn:uuid:{ids['event_id']}"
    return PARAMETER.sub(lambda found: (ids | own).get(found[1], "none"), path)


def ask(client: httpx.Client, route: tuple[str, str], who: Walker, walk: Walk) -> httpx.Response:
    method, path = route
    plain = PARAMETER.sub(r"{\1}", path)
    named = f"{method} {plain}"
    address = address_of(path, walk.ids)
    asked = f"{address}?{QUERIES[named]}" if named in QUERIES else address
    content, headers = (
        b"",
        {"idempotency-key": re.sub(r"[^A-Za-z0-9._-]", "-", f"{who.name}-{method}-{address}")},
    )
    if path.startswith(PROGRAMS):
        headers |= {"authorization": f"Bearer {who.token}"} if who.token else {}
        if method != "GET":
            headers["content-type"] = "application/json"
            least_body = walk.bodies.get((method, plain), b"")
            content = body_of(named, who.name) or least_body
    else:
        headers |= {"cookie": f"qtcore_session={who.secret}"} if who.secret else {}
        if method != "GET":
            headers["content-type"], content = form_of(named, who.csrf, who.name)
    return client.request(method, asked, headers=headers, content=content, follow_redirects=False)


def line_of(route: tuple[str, str], told: dict[str, str]) -> str:
    return f"{route[0]} {route[1]}: " + " ".join(f"{who}={code}" for who, code in told.items())


@pytest.fixture(scope="module")
def walked(walk: Walk) -> list[str]:
    """Walk every route as everybody; signing out comes last."""
    lines = []
    routes = sorted(routes_of(walk.app), key=lambda each: each[1] in ENDING)
    with client_of(walk.app) as client:
        for route in routes:
            # So many failed sign-ins in a row would make everybody rest.
            who_walks = walk.walkers if route != ("POST", "/sign-in") else walk.walkers[:1]
            told = {w.name: str(ask(client, route, w, walk).status_code) for w in who_walks}
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


@pytest.mark.clause("21 CFR 11.10(d)")
@pytest.mark.clause("EU Annex 11.12.1")
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
        "POST /sign-in/ended/{provider}",
        "POST /sign-in/with/{provider}",
        "POST /welcome/{secret}",
    ]


def test_a_role_at_another_site_reads_and_changes_nothing_that_stands_here(walked):
    for line in walked:
        route, _, told = line.partition(": ")
        codes = dict(each.split("=") for each in told.split())
        names = set(PARAMETER.findall(route))
        if names & STANDS_HERE:
            assert codes["operator@WEST"] in ("400", "403", "404", "405", "406"), line


def test_the_walk_sees_a_route_without_a_line(walk, walked):
    """The control: a route that is not in the table is a difference."""
    reviewed = set(reviewed_for(walk))
    assert {*walked, "GET /new: nobody=200"} - reviewed


def test_nothing_breaks_on_the_way(walked):
    assert [line for line in walked if re.search(r"=5\d\d", line)] == []


ABSENT = {
    **dict.fromkeys(("lot", "lot_id"), "M-9"),
    **dict.fromkeys(("record", "record_id"), "DEV-2026-00009"),
    **dict.fromkeys(
        ("event", "event_id", "hold", "hold_id", "attachment", "attachment_id"),
        "019e8232-6000-7000-8000-000000000000",
    ),
    **dict.fromkeys(("intent", "intent_id"), "019e8232-6000-7000-8000-000000000000"),
    **dict.fromkeys(("subject", "subject_id"), "DEV-2026-00009"),
    "recall_id": "RC-2026-00009",
    "device": "SCALE-9",
}


def words_of(client: httpx.Client, route: tuple[str, str], who: Walker, walk: Walk) -> str:
    """Give what a program is told, with what it asked by taken out; of a page the status."""
    answer = ask(client, route, who, walk)
    if answer.status_code < 400 or "json" not in answer.headers.get("content-type", ""):
        return str(answer.status_code)
    problem = answer.json()
    said = json.dumps([answer.status_code, problem["detail"], problem["faults"]])
    for name in set(PARAMETER.findall(route[1])) & set(walk.ids):
        said = said.replace(walk.ids[name], "...")
    return said


def told_apart(walk: Walk, name: str) -> list[tuple[str, str]]:
    """List the routes that tell somebody otherwise when what they name does not exist."""
    who = next(each for each in walk.walkers if each.name == name)
    by_uid = dict.fromkeys(("record", "record_id"), walk.ids["record_uid"])
    absent = replace(walk, ids=walk.ids | ABSENT)
    with client_of(walk.app) as client:
        return [
            route
            for route in routes_of(walk.app)
            if set(PARAMETER.findall(route[1])) & set(ABSENT)
            for there in (walk, replace(walk, ids=walk.ids | by_uid))
            if words_of(client, route, who, there) != words_of(client, route, who, absent)
        ]


def test_what_is_hidden_answers_as_what_does_not_exist(walk):
    """The control: who sees the things is answered otherwise."""
    assert told_apart(walk, "operator@WEST") == []
    assert len(told_apart(walk, "admin")) > 20


def directives_of(policy: str) -> dict[str, str]:
    parts = (each.strip().partition(" ") for each in policy.split(";"))
    return {name: value for name, _, value in parts}


def test_every_page_keeps_the_strict_policy(walk):
    """Every route that answers HTML, with what is found and what is refused."""
    seen = 0
    with client_of(walk.app) as client:
        for method, path in routes_of(walk.app):
            if method != "GET" or path.startswith(PROGRAMS):
                continue
            answer = client.get(
                address_of(path, walk.ids),
                params=QUERIES.get("GET " + PARAMETER.sub(r"{\1}", path)),
                headers={"cookie": f"qtcore_session={walk.reader.secret}"},
                follow_redirects=False,
            )
            told = answer.headers
            assert told["x-content-type-options"] == "nosniff", path
            assert told["referrer-policy"] == "same-origin", path
            assert told["cross-origin-opener-policy"] == "same-origin", path
            if not told.get("content-type", "").startswith("text/html"):
                continue
            seen += 1
            policy = directives_of(told["content-security-policy"])
            if path.startswith("/print/"):
                # A template of a pack: shown alone, in a sandbox that runs nothing.
                assert "allow-scripts" not in policy["sandbox"] and "script-src" not in policy
                assert policy["default-src"] == "'none'"
                continue
            assert policy["script-src"] == policy["style-src"] == "'self'", path
            assert policy["object-src"] == policy["frame-ancestors"] == "'none'", path
            assert policy["default-src"] == policy["base-uri"] == "'self'", path
            assert told["cache-control"] == "no-store", path
            assert inline_in(answer.text) == [], path
    assert seen > 30
