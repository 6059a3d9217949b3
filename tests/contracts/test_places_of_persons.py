"""Where a person's name, login, address and device stay after an erasure: where the manual says.

Somebody whose every value is found by its letters walks all routes and signs, then is erased by two
persons. It must not list places of its own: those stand in docs/operating-the-ledger.md.
"""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from qtcore.context import Context
from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.registry.load import load_registry
from qtcore.services.accounts import NewUser, actor_by_login
from qtcore.services.attachments import Owner, attach_file
from qtcore.services.audit import seal
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.erasing import Erasure, SecondPerson, erase_personal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.kept_forms import keep_form
from qtcore.services.legal_holds import lift_legal_hold, place_legal_hold
from qtcore.services.reviewing import review_history
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.uploads import Upload
from qtcore.store.columns import Row
from qtcore.testing import PASSWORD, a_site, a_user
from tests.asgi_client import client_of
from tests.contracts.test_route_walk import ENDING, Walk, ask, routes_of
from tests.walk_plant import PAPERS, Walker, a_walker, ids_of
from tests.walking import bodies_of

pytestmark = pytest.mark.heavy

MANUAL = Path(__file__).parent.parent.parent / "docs" / "operating-the-ledger.md"
LOGIN, NAME, MAIL = "zofia.marker", "Zofia Markerova", "zofia@marker.example"
DEVICE, ADDRESS = "MarkerPhone/7", "203.0.113.77"
VALUES = (LOGIN, NAME, MAIL, DEVICE, ADDRESS)
GROUND = "GDPR Art. 17(1)(a)"
# What a column is called that holds somebody, or from where they worked.
OF_PERSONS = re.compile(
    r"_by$|^(login|email|authors|actor|acting_for|on_behalf_of|ip"
    r"|agent|contacts?|contact|signer_login|signer_name|identity_evidence|subject)$"
)
# They have such a name and hold a key, or the words of a letter.
OTHERS = {
    "notification.subject", "recall_notice.subject", "signer_standing.let_in_by",
    "edge.superseded_by", "event.superseded_by", "inspection_result.superseded_by",
}  # fmt: skip


def told() -> dict[str, str]:
    """Read what the manual says of each place: it goes, or it stays."""
    found: dict[str, str] = {}
    for line in MANUAL.read_text("utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].startswith(("goes", "stays")):
            found |= dict.fromkeys(re.findall(r"`(\w+\.\w+)`", cells[0]), cells[1])
    return found


def places_of(site: Site) -> dict[str, set[str]]:
    """Name every column of every table in which a value of the person is found."""
    found: dict[str, set[str]] = {}
    with site.store.read() as session:
        for table in Row.metadata.sorted_tables:
            # The table's own name, from our own metadata.
            rows = session.connection().exec_driver_sql(f"SELECT * FROM {table.name}")
            for row in rows.mappings():
                for name, value in row.items():
                    text = bytes(value).decode("utf-8", "replace") if _is_raw(value) else str(value)
                    if held := {each for each in VALUES if each in text}:
                        found.setdefault(f"{table.name}.{name}", set()).update(held)
    return found


def _is_raw(value: object) -> bool:
    return isinstance(value, bytes | memoryview)


def sign_and_keep(site: Site) -> None:
    """Let the person do what no route of the walk comes to the end of."""
    actor = actor_by_login(site, LOGIN)
    own = Context(actor, site.sources.now(), "act", device=DEVICE, ip=ADDRESS)
    with site.store.read() as session:
        uid = str(session.connection().exec_driver_sql("SELECT uid FROM record").scalar())
    seal(site)
    review_history(site, own, uid, proof=Proof(PASSWORD), remark="seen")
    lift_legal_hold(site, own, place_legal_hold(site, own, "x", reason="suit"), reason="settled")
    keep_form(site, own, "/forms/deviation/new", f'[[0, "title", "{NAME}"]]')
    until = site.sources.now() + timedelta(days=9)
    make_delegation(site, own, DelegationInput(LOGIN, "target", until, "leave"), Proof(PASSWORD))


def write_a_name(site: Site) -> None:
    """Let the person write a name where anybody may write anything: in the name of a file."""
    own = Context(actor_by_login(site, LOGIN), site.sources.now(), "act")
    with site.store.read() as session:
        uid = str(session.connection().exec_driver_sql("SELECT uid FROM record").scalar())
    attach_file(site, own, Owner("record", uid), Upload(f"{NAME}.txt", b"a paper"))


def walk_as_the_person(site: Site, ids: dict[str, str]) -> None:
    """Let them ask for everything, once."""
    roles = tuple(sorted(role.id for role in site.registry.list("roles")))
    who = a_walker(site, NewUser(LOGIN, NAME, roles, PASSWORD, MAIL))
    app = make_app(site, logger=make_logger(io.StringIO()), rates=UNLIMITED, proxies=1)
    walk = Walk(app, [who], ids, bodies_of(), Walker("nobody"))
    with client_of(app) as client:
        client.headers.update({"user-agent": DEVICE, "x-forwarded-for": ADDRESS})
        for route in sorted(routes_of(app), key=lambda each: each[1] in ENDING):
            ask(client, route, who, walk)


def erase(site: Site) -> int:
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    return erase_personal(
        site, one, Erasure(GROUND, "left", person=LOGIN), SecondPerson("two", PASSWORD)
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, set[str]]]]:
    """Give the site after the walk, and where the person's values stood before the erasure."""
    folder = tmp_path_factory.mktemp("papers")
    for name, text in PAPERS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    registry = load_registry(packs=["food"], site_dir=folder).get_registry()
    with a_site(registry=registry) as site:
        walk_as_the_person(site, ids_of(site))
        sign_and_keep(site)
        before = places_of(site)
        write_a_name(site)
        erase(site)
        yield site, before


@pytest.mark.clause("EU Annex 11.17")
def test_after_an_erasure_a_person_stands_only_where_the_manual_says(walked) -> None:
    site, before = walked
    after, says = places_of(site), told()
    assert sorted((before.keys() | after.keys()) - says.keys()) == []
    stays = {place for place, said in says.items() if said != "goes"}
    assert {each: held for each, held in after.items() if each not in stays} == {}
    # Only tries that named nobody keep a device and an address beside the log.
    assert after["ledger_private.value"] <= {DEVICE, ADDRESS}


def test_no_hashed_entry_names_somebody_where_nobody_wrote_a_name(walked) -> None:
    """The control: what the erasure takes away was there."""
    _, before = walked
    assert "ledger_event.head" not in before
    gone = {place for place, said in told().items() if said == "goes"}
    assert len(gone & before.keys()) >= 6


def test_every_column_that_holds_a_person_stands_in_the_manual() -> None:
    says = told()
    columns = {f"{t.name}.{c.name}" for t in Row.metadata.sorted_tables for c in t.columns}
    named = {each for each in columns if OF_PERSONS.search(each.split(".")[1])} - OTHERS
    assert sorted(named - says.keys()) == []
    assert sorted(says.keys() - columns) == []


def test_the_checks_hold_after_an_erasure(walked) -> None:
    site, _ = walked
    seal(site)
    found = check_database(site, site.system_context(), is_serving=False).violations
    assert found == ()
