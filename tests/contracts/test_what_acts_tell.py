"""What entries tell of each act, over the walk of all routes: who, from where, what was stored.

It must not know single acts: what one leaves out stands in the two tables below, with the reason.
"""

import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from qtcore.cli.options import context_of
from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.registry.load import load_registry
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.integrity.proof import check_answers, told_ids
from qtcore.services.jobs import settle
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, make_token
from qtcore.store.columns import Row, table_of
from qtcore.store.guard import PLUMBING
from qtcore.store.tables import IdempotencyKey
from qtcore.testing import PASSWORD, a_site
from tests.asgi_client import client_of
from tests.contracts.test_route_walk import ENDING, Walk, ask, routes_of
from tests.walk_plant import PAPERS, Walker, a_walker, ids_of
from tests.walking import bodies_of

pytestmark = pytest.mark.heavy

LOGIN, NAME = "zofia.marker", "Zofia Markerova"
TABLES = sorted(set(Row.metadata.tables) - PLUMBING)
NOBODY = ("actor", "actor_login", "actor_name", "object", "roles", "version", "way")
# Of which act what is empty, and why.
EMPTY: dict[str, tuple[str, tuple[str, ...]]] = {
    "sign_in.failed": ("a try that named nobody", NOBODY),
    "user.create": ("from the console there is no address; whoever has the machine has no role",
                    ("ip", "roles")),
    **dict.fromkeys(
        ("lot.transition.refused", "record.transition.refused", "import.refused", "sign.failed"),
        ("nothing was changed", ("version",)),
    ),
    **dict.fromkeys(
        ("attachment.add", "delegation.revoke", "epcis.query.make", "hold.lift", "hold.place",
         "result.record", "recall.snapshot"),
        ("made once, and ended at most once: it has no versions", ("version",)),
    ),
    **dict.fromkeys(
        ("lot.join", "lot.part", "recall.send", "session.end_all", "sign_out"),
        ("what is told of does not change itself", ("version",)),
    ),
}  # fmt: skip
BEGINS = "how each begins; whatever changes it is told"
BOUND = "the SHA-256 of the document is told, and the document holds it"
DERIVED = "worked out of what is told, by the definitions that are told"
# Which column is not told, and why.
UNTOLD: dict[str, str] = {
    "config_draft.packs": BOUND,
    "config_draft.state": BEGINS,
    "decision.document": BOUND,
    "decision.from_state": BOUND,
    "decision.outcome": BOUND,
    "decision.workflow": BOUND,
    "device.state": BEGINS,
    "equipment.state": BEGINS,
    "location.state": BEGINS,
    "party.state": BEGINS,
    "person.state": BEGINS,
    "user_account.state": BEGINS,
    "recall_snapshot.scope": BOUND,
    "recall_snapshot.seconds": "how long it took",
    "record.registry_fingerprint": "of the configuration that served: config.publish tells it",
    "record_revision.content_sha256": DERIVED,
    "record_revision.data": DERIVED,
    "state_change.number": DERIVED,
    "state_change.transition": "the first state is given by record.submit itself",
    "workflow_timer.due_at": DERIVED,
    "workflow_timer.entry": DERIVED,
    "workflow_timer.status": DERIVED,
}
Snapshot = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


@dataclass
class Seen:
    """Every entry that was made, with its private values, and every column that was not told."""

    entries: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    untold: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    token: str = ""
    secret: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    lost: list[Violation] = field(default_factory=list)


class Watch:
    """Compares all rows before and after an act with what the entries of the act tell."""

    def __init__(self, site: Site) -> None:
        self.site, self.seen = site, Seen()
        self.rows, self.last = self._read(), self._newest()

    def look(self) -> None:
        rows = self._read()
        entries = self._entries()
        told = "\n".join(
            f"{json.dumps(head, ensure_ascii=False)} {' '.join(private.values())}"
            for head, private in entries
        )
        actions = ", ".join(sorted({head["action"] for head, _ in entries}))
        for table, now in rows.items():
            for key, row in now.items():
                before = self.rows[table].get(key, {})
                for name, value in row.items():
                    if value != before.get(name) and not _is_told(value, told):
                        self.seen.untold[f"{table}.{name}"].add(actions)
        self.rows = rows
        self.seen.entries += entries

    def _read(self) -> Snapshot:
        found: Snapshot = {}
        with self.site.store.read() as session:
            for name in TABLES:
                table = Row.metadata.tables[name]
                keys = [each.name for each in table.primary_key.columns]
                rows = session.execute(table.select()).mappings()
                found[name] = {tuple(row[k] for k in keys): dict(row) for row in rows}
        return found

    def _newest(self) -> int:
        with self.site.store.read() as session:
            found = session.connection().exec_driver_sql("SELECT max(id) FROM ledger_event")
            return int(found.scalar() or 0)

    def _entries(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        with self.site.store.read() as session:
            run = session.connection().exec_driver_sql
            heads = run(f"SELECT id, head FROM ledger_event WHERE id > {self.last}").all()
            values: dict[int, dict[str, str]] = defaultdict(dict)
            for key, name, value in run("SELECT event_id, field, value FROM ledger_private"):
                values[key][name] = value
            found = [(json.loads(bytes(head)), values[key]) for key, head in heads]
            self.last = max([self.last, *(key for key, _ in heads)])
        return found


def _is_told(value: Any, told: str) -> bool:
    """Say whether a value, or every text in a nested one, stands somewhere in the entries."""
    if value is None or value in ("", 0, 1) or isinstance(value, bool | bytes):
        return True
    if isinstance(value, dict):
        return all(_is_told(each, told) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_is_told(each, told) for each in value)
    if hasattr(value, "isoformat"):
        return value.isoformat()[:19] in told
    text = re.escape(json.dumps(str(value), ensure_ascii=False)[1:-1])
    return bool(re.search(rf"(?<![\w-]){text}(?![\w-])", told)) or str(value) in told.split("\n")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("papers")
    for name, text in PAPERS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    registry = load_registry(packs=["food"], site_dir=folder).get_registry()
    with a_site(registry=registry) as site:
        ids = ids_of(site)
        roles = tuple(sorted(role.id for role in registry.list("roles")))
        who = a_walker(site, NewUser(LOGIN, NAME, roles, PASSWORD, "z@example.org"))
        made = make_token(site, site.system_context(), NewToken(LOGIN, "scanner 7"))
        who = replace(who, token=str(made["token"]))
        app = make_app(site, logger=make_logger(io.StringIO()), rates=UNLIMITED)
        walk = Walk(app, [who], ids, bodies_of(), Walker("nobody"))
        watch = Watch(site)
        watch.seen.token, watch.seen.secret = str(made["token_id"]), str(made["token"])
        with client_of(app) as client:
            client.headers["user-agent"] = "Phone/7"
            for route in sorted(routes_of(app), key=lambda each: each[1] in ENDING):
                ask(client, route, who, walk)
                if route[0] != "GET":
                    watch.look()
        settle(site)
        watch.look()
        add_user(site, context_of(site, ""), NewUser("console", "Console", (), language="en"))
        watch.look()
        with site.store.read() as session:
            answers = session.execute(table_of(IdempotencyKey).select()).mappings()
            watch.seen.answers = [dict(row) for row in answers if 200 <= row["status"] < 300]
            watch.seen.lost = [*check_answers(Ground(site, session))]
        yield watch.seen


def test_what_each_kept_answer_named_is_found_again(seen: Seen) -> None:
    """I1 of `db fsck` reads answers as they are kept; for a lost one see the fault suite."""
    assert sum(len(told_ids(row["answer"])) for row in seen.answers) >= 10
    assert seen.lost == []


def test_every_entry_says_who_when_from_where_and_what(seen: Seen) -> None:
    """By the walk some thirty kinds of acts come about; the frame of an entry is one for all."""
    empty: dict[str, set[str]] = defaultdict(set)
    for head, private in seen.entries:
        named = {name: head.get(name) for name in ("actor", "roles", "request", "at", "offset")}
        named |= {name: private.get(name) for name in ("actor_login", "actor_name", "device", "ip")}
        named["object"] = head["object"]["id"]
        named["version"] = head["object"].get("version")
        named["way"] = head["session"] or head.get("token") or private.get("os_user")
        empty[head["action"]] |= {name for name, value in named.items() if not value}
    assert len(empty) >= 25
    assert {action: names for action, names in sorted(empty.items()) if names} == {
        action: set(names) for action, (_, names) in EMPTY.items()
    }


def test_an_act_by_a_token_names_the_token_never_its_secret(seen: Seen) -> None:
    by_token = [each for each in seen.entries if "token" in each[0]]
    assert by_token and all(head["session"] == "" for head, _ in by_token)
    assert {head["token"] for head, _ in by_token} == {seen.token}
    assert all(private["token_name"] == "scanner 7" for _, private in by_token)
    by_page = [head for head, _ in seen.entries if head["session"]]
    assert by_page and not [head for head in by_page if "token" in head]
    assert seen.secret not in json.dumps(seen.entries)


def test_what_is_stored_is_told_or_stands_in_the_list(seen: Seen) -> None:
    """The control: the list has columns that no entry tells, and each of them was found."""
    untold = {place for place in seen.untold if not is_key(place)}
    assert untold == UNTOLD.keys()


def is_key(place: str) -> bool:
    """Say whether a column is a key of the database, by which nothing outside finds the row."""
    return place.endswith((".id", "_id", ".uid", "_uid", ".same_as"))
