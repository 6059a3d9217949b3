"""`qtcore db fsck`: each invariant I1-I14 is broken by hand, and named with its place."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from qtcore.engines.ledger.contents import LedgerRun
from qtcore.errors import NotSignedIn, StoreUnavailable
from qtcore.services.attachments import Owner, attach_file
from qtcore.services.audit import seal
from qtcore.services.events import EventInput
from qtcore.services.integrity.fsck import CHECKS, Checked, check_database
from qtcore.services.lots import get_lot
from qtcore.services.recording import record_event
from qtcore.services.sessions import sign_in
from qtcore.services.transitions import Step, fire_transition
from qtcore.services.uploads import Upload
from qtcore.store.history import _Reader
from qtcore.store.queries.events import acts_on
from qtcore.store.second_reader import SecondReader
from qtcore.testing import (
    PASSWORD,
    FrozenClock,
    a_context,
    a_made_lot,
    a_party,
    a_received_lot,
    a_site,
    a_user,
    line,
)
from qtcore.testing.builders import EVERYTHING
from tests.attackers import Dba, opened

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fsck") / "site.db"
    clock = FrozenClock()
    with a_site(f"sqlite:///{file}", clock=clock, packs=["food"]) as site:
        milk = a_received_lot(site)
        clock.advance(minutes=1)
        person = a_user(site, ["qp"], login="petra")
        fire_transition(site, person, ("lot", milk.uid), Step("release", password=PASSWORD))
        clock.advance(minutes=1)
        cheese = a_made_lot(site, "CHEESE", "C-1", [(milk, "60")])
        clock.advance(minutes=1)
        person = a_user(site, ["qp"], login="petra")
        fire_transition(site, person, ("lot", cheese.uid), Step("release", password=PASSWORD))
        clock.advance(minutes=1)
        a_party(site, "SHOP", "customer")
        gone = EventInput(
            "shipping", (line(cheese, "subject", "4"),), site.sources.now(), to_party="SHOP"
        )
        record_event(site, a_context(site, EVERYTHING), gone)
        with pytest.raises(NotSignedIn):
            sign_in(site, a_context(site), "petra", "not the password")
        seal(site)
    return file


@pytest.fixture(scope="module")
def with_file(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site in which an event has a file."""
    file = Path(shutil.copy(original, tmp_path_factory.mktemp("attached") / "site.db"))
    with closing(sqlite3.connect(file)) as db:
        ((uid,),) = db.execute("SELECT uid FROM event ORDER BY id LIMIT 1").fetchall()
    with opened(file) as site:
        context = a_context(site, EVERYTHING)
        attach_file(site, context, Owner("event", uid), Upload("a.txt", b"evidence"))
        seal(site)
    return file


@pytest.fixture
def file(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "site.db"))


def checked(file: Path, clock: FrozenClock | None = None, **more) -> Checked:
    with opened(file, clock) as site:
        return check_database(site, site.system_context(), **more)


def named(file: Path) -> set[tuple[str, str]]:
    return {(each.invariant, each.place) for each in checked(file).violations}


def test_a_sound_database_breaks_no_promise(file: Path) -> None:
    found = checked(file)
    assert found.violations == ()
    assert list(found.counts) == [f"I{at}" for at in range(1, 15)] == [name for name, _ in CHECKS]


def test_an_untouched_history_fits_at_a_glance(file: Path) -> None:
    """Or every altered row would be found by the slow check alone, and nobody would notice."""
    with opened(file) as site, site.store.read() as session:
        parts = [*_Reader(session, site.store.tenant_id).sealed(SecondReader())]
    assert {type(part) for part in parts} == {LedgerRun}


COPY = (
    "INSERT INTO state_change (tenant_id, id, uid, subject_kind, subject_uid, number, transition, "
    "from_state, to_state, person_id, actor, reason, verdicts, workflow_version_id, at) "
    "SELECT tenant_id, 9999, 'again', subject_kind, subject_uid, 3, transition, 'released', "
    "to_state, person_id, actor, reason, verdicts, workflow_version_id, at "
    "FROM state_change WHERE transition = 'release' ORDER BY id LIMIT 1"
)
RELEASE = "(SELECT min(id) FROM state_change WHERE transition = 'release')"
PLANTED: dict[str, tuple[str, str, str]] = {
    "I1 an answer without its effect": (
        "INSERT INTO idempotency_key VALUES (1, 1, 'k-1', 'x', 201, "
        '\'{"content": {"event_id": "019e8232-6000-7bb2-a59c-06a8e9b4853e"}, "location": ""}\','
        " '2026-06-01 08:00:00')",
        "I1",
        "request with key 'k-1'",
    ),
    "I2 a state without a step": (
        "UPDATE lot SET state = 'quarantine' WHERE lot_no = 'M-1'",
        "I2",
        "lot M-1 of MILK",
    ),
    "I2 a step that its life cycle has not": (
        f"UPDATE state_change SET transition = 'wave_through' WHERE id = {RELEASE}",
        "I2",
        "lot M-1 of MILK",
    ),
    "I2 a step left out": (
        "DELETE FROM state_change WHERE number = 1 AND transition <> 'release'",
        "I2",
        "lot M-1 of MILK",
    ),
    "I3 a version nobody told of": (
        "UPDATE lot SET version = 9 WHERE lot_no = 'M-1'",
        "I3",
        "lot M-1",
    ),
    "I3 a name changed by hand": (
        "UPDATE item SET name = 'Water', version = version + 1 WHERE code = 'MILK'",
        "I3",
        "item MILK",
    ),
    "I3 a row without an entry": (
        "INSERT INTO hold (tenant_id, uid, id, node, reason, cause, placed_at, placed_by) "
        "SELECT 1, 'by-hand', 9999, node, 'x', 'manual', '2026-06-01', 'x' FROM lot LIMIT 1",
        "I3",
        "hold by-hand",
    ),
    "I4 released twice": (COPY, "I4", "lot M-1 of MILK"),
    "I5 a signature removed": ("DELETE FROM signature", "I5", "lot M-1 of MILK"),
    "I5 a signature of somebody else": (
        "UPDATE signature SET person_id = NULL",
        "I5",
        "lot M-1 of MILK",
    ),
    "I6 more went out than came in": (
        "UPDATE movement SET quantity = '999' WHERE effect = 'consumed'",
        "I6",
        "lot M-1 of MILK",
    ),
    "I7 used before its release": (
        f"UPDATE state_change SET at = '2026-06-02 08:00:00' WHERE id = {RELEASE}",
        "I7",
        "lot M-1 of MILK",
    ),
    "I8 a seal removed": ("DELETE FROM ledger_seal WHERE seq = 3", "I8", "ledger event 3"),
    "I8 a content edited": (
        "UPDATE ledger_event SET head = CAST(replace(CAST(head AS TEXT), 'kg', 'mg') AS BLOB) "
        "WHERE id = (SELECT event_id FROM ledger_seal WHERE seq = 5)",
        "I8",
        "ledger event 5",
    ),
    "I9 dated after its seal": (
        "UPDATE ledger_event SET recorded_at = '2026-07-01 08:00:00.000000' "
        "WHERE id = (SELECT event_id FROM ledger_seal WHERE seq = 4)",
        "I9",
        "ledger event 4",
    ),
    "I10 a row of nobody": (
        "UPDATE party SET tenant_id = 7 WHERE code = 'SHOP'",
        "I10",
        "party",
    ),
    "I11 verdicts removed": (
        f"UPDATE state_change SET verdicts = '[]' WHERE id = {RELEASE}",
        "I11",
        "lot M-1 of MILK",
    ),
    "I12 a published definition edited": (
        "UPDATE definition_version SET body = '{\"id\": \"lot\"}' WHERE name = 'deviation'",
        "I12",
        "definition deviation",
    ),
    "I13 failures that nobody told of": (
        "UPDATE user_account SET failed_sign_ins = 4 WHERE login = 'petra'",
        "I13",
        "user petra",
    ),
}


@pytest.mark.parametrize(("statement", "invariant", "place"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_named_with_its_place(
    file: Path, statement: str, invariant: str, place: str
) -> None:
    dba = Dba(file)
    dba.all("PRAGMA ignore_check_constraints = ON")
    dba.all(statement)
    dba.db.close()
    assert (invariant, place) in named(file)


def test_every_event_that_is_gone_is_named(file: Path) -> None:
    dba = Dba(file)
    gone = {str(uid) for (uid,) in dba.all("SELECT uid FROM event")}
    nodes = [int(str(node)) for (node,) in dba.all("SELECT node FROM lot")]
    dba.all("DELETE FROM event")
    dba.db.close()
    assert gone
    assert {("I3", f"event {uid}") for uid in gone} <= named(file)
    with opened(file) as site, site.store.read() as session:
        with pytest.raises(StoreUnavailable, match="event of movement") as caught:
            acts_on(session, site.store.tenant_id, nodes)
        assert caught.value.code == "QT509"


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE blob SET content = CAST('forged' AS BLOB)", "file "),
        ("DELETE FROM blob", "attachment "),
        ("UPDATE attachment SET name = 'other.pdf'", "attachment "),
        ("UPDATE attachment SET owner_uid = 'nobody'", "attachment "),
        ("DELETE FROM attachment", "attachment "),
    ],
)
def test_a_file_that_is_not_what_was_attached_is_named(
    with_file: Path, tmp_path: Path, statement: str, place: str
) -> None:
    """I14, planted: each way in which a file can differ from what the ledger tells."""
    file = Path(shutil.copy(with_file, tmp_path / "site.db"))
    assert named(file) == set()
    dba = Dba(file)
    dba.all("PRAGMA foreign_keys = OFF")
    dba.all(statement)
    dba.db.close()
    assert {invariant for invariant, at in named(file) if at.startswith(place)} == {"I14"}


def test_a_quantity_changed_by_hand_is_not_what_the_ledger_tells(file: Path) -> None:
    dba = Dba(file)
    ((uid,),) = dba.all(
        "SELECT e.uid FROM event e JOIN movement m ON m.event_id = e.id WHERE m.effect = 'shipped'"
    )
    dba.all("UPDATE movement SET quantity = '3' WHERE effect = 'shipped'")
    dba.db.close()
    assert ("I3", f"event {uid}") in named(file)


def test_a_circle_in_the_genealogy_is_named(file: Path) -> None:
    dba = Dba(file)
    columns = [row[1] for row in dba.all("PRAGMA table_info(edge)")]
    turned = {"id": "9999", "src": "dst", "dst": "src"}
    values = ", ".join(turned.get(str(c), str(c)) for c in columns)
    dba.all(f"INSERT INTO edge SELECT {values} FROM edge LIMIT 1")
    dba.db.close()
    assert "I6" in {invariant for invariant, _ in named(file)}


def test_entries_that_wait_too_long_for_their_seal_are_named(file: Path) -> None:
    clock = FrozenClock(FrozenClock().at + timedelta(hours=1))
    with opened(file, clock) as site:
        a_party(site, "LATE")
        assert check_database(site, site.system_context()).is_sound
        clock.advance(minutes=2)
        found = check_database(site, site.system_context())
    assert [(each.invariant, each.place) for each in found.violations] == [("I8", "ledger")]


def test_what_a_client_was_told_must_be_there(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        ((uid,),) = db.execute("SELECT uid FROM event LIMIT 1").fetchall()
    assert checked(file, journal=[uid, ""]).is_sound
    (found,) = checked(file, journal=[uid, "0000-lost"]).violations
    assert (found.invariant, found.place) == ("I1", "0000-lost")


def test_a_movement_without_its_event_is_named_and_stops_nothing_else(file: Path) -> None:
    dba = Dba(file)
    dba.db.execute("DELETE FROM event WHERE id = (SELECT max(id) FROM event)")
    dba.db.commit()
    dba.db.close()
    found = checked(file)
    assert ("I10", "movement") in {(each.invariant, each.place) for each in found.violations}
    assert list(found.counts) == [name for name, _ in CHECKS]
    with opened(file) as site, pytest.raises(StoreUnavailable, match="event of movement") as caught:
        get_lot(site, a_context(site), "C-1")
    assert caught.value.code == "QT509"
