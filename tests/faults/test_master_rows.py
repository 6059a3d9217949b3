"""Each column of master data, accounts, persons, devices and the company changed by hand is named.

It must not go through the product where it attacks, as in `test_side_tables`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtcore.errors import StoreUnavailable
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.audit import seal, verify_history
from qtcore.services.devices import NewCalibration, NewDevice, calibrate_device, register_device
from qtcore.services.erasing import Erasure, SecondPerson, erase_personal
from qtcore.services.holds import hold_all, lift_hold
from qtcore.services.integrity.books import check_books
from qtcore.services.integrity.facts_of_lots import check_told
from qtcore.services.integrity.fsck import check_database
from qtcore.services.integrity.ground import Ground
from qtcore.services.integrity.master_rows import check_accounts, check_masters
from qtcore.services.master import MasterInput, save_master
from qtcore.services.site import Site
from qtcore.store.columns import as_bytes
from qtcore.store.damage import named_damage
from qtcore.testing import PASSWORD, a_party, a_received_lot, a_site, a_user
from tests.attackers import Dba
from tests.faults.test_side_tables import Rows

pytestmark = [pytest.mark.fault, pytest.mark.heavy]

KEY = "a key of the database, by which nothing outside finds the row"
SECRET = "a secret, or how it is tried: no history tells a secret"
NOTED = "when the row was made; the time of its entry is told"
NO_EVIDENCE: dict[str, dict[str, str]] = {
    "item": {},
    "party": {},
    "location": {"id": KEY},
    "equipment": {"id": KEY},
    "user_account": {
        "id": KEY,
        "password_hash": SECRET,
        "password_set_at": SECRET,
        "locked_until": SECRET,
        "language": "what pages speak",
        "created_at": NOTED,
    },
    "person": {"title": "shown nowhere", "state": "read nowhere", "version": KEY, "uid": KEY},
    "device": {},
    "hold": {"id": KEY},
    "tenant": {"created_at": NOTED},
}


def plant(site: Site) -> None:
    """Make one of each, with every column filled."""
    context = site.system_context()
    a_party(site, "EAST", "site")
    values = {"roles": ["supplier"], "contacts": {"phone": "1"}}
    save_master(site, context, MasterInput("party", "P-1", "P", {"en": "P"}, values))
    values = {"roles": ["supplier"], "contacts": {"phone": "2"}}
    save_master(site, context, MasterInput("party", "P-1", "P", {"en": "P"}, values))
    save_master(site, context, MasterInput("location", "H-1", "Hall", values={"kind": "plant"}))
    save_master(site, context, MasterInput("equipment", "E-1", "Vat", values={"kind": "vat"}))
    save_master(site, context, MasterInput("item", "I-1", "Milk", values={"unit": "kg"}))
    device = NewDevice("S-1", "Scale", "scale", "EAST", every_days=30)
    register_device(site, context, device)
    day = site.sources.now().date()
    calibrate_device(site, context, "S-1", NewCalibration(day, "cert"))
    lot = a_received_lot(site, lot_no="L-1").uid
    who = a_user(site, ["qa", "operator", "warehouse"], login="boss")
    lift_hold(site, who, hold_all(site, who, [lot], "smell").holds[0], "aired")
    add_user(site, context, NewUser("zoe", "Zoe", ("operator",), PASSWORD, "z@example.org"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    file = tmp_path_factory.mktemp("masters") / "site.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        plant(made)
        seal(made)
        yield made


@pytest.fixture(scope="module")
def dba(site: Site) -> Iterator[Dba]:
    made = Dba(Path(site.store.url.removeprefix("sqlite:///")))
    made.db.execute("PRAGMA ignore_check_constraints = ON")
    yield made
    made.db.close()


def is_named(site: Site) -> bool:
    """Say whether `audit verify` or `db fsck` finds anything; the quick checks first."""
    with site.store.read() as session:
        ground = Ground(site, session)
        try:
            with named_damage(session):
                for check in (check_told, check_masters, check_accounts, check_books):
                    if any(True for _ in check(ground)):
                        return True
        except StoreUnavailable:
            return True  # it says in which row and column what no release writes stands
    context = site.system_context()
    return not verify_history(site, context).verdict.ok or bool(
        check_database(site, context).violations
    )


@pytest.mark.parametrize("table", NO_EVIDENCE)
def test_no_column_of_master_data_can_be_changed_without_a_verdict(
    site: Site, dba: Dba, table: str
) -> None:
    rows = Rows(dba, table)
    unnamed = []
    for column in rows.columns:
        try:
            if rows.change(column) and not is_named(site):
                unnamed.append(column)
        finally:
            rows.put_back()
    assert sorted(unnamed) == sorted(NO_EVIDENCE[table])


def test_nothing_is_named_where_nobody_was(site: Site) -> None:
    """The control: every verdict above comes from the change alone."""
    assert verify_history(site, site.system_context()).verdict.problems == ()
    assert check_database(site, site.system_context()).violations == ()


def test_a_company_whose_id_was_changed_by_hand_is_named_from_the_first_entry(tmp_path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        seal(site)
        assert verify_history(site, site.system_context()).verdict.ok
        dba = Dba(tmp_path / "site.db")
        for column in ("uid", "slug", "name"):
            (old,) = dba.all(f"SELECT {column} FROM tenant")[0]
            dba.all(f"UPDATE tenant SET {column} = 'x'")
            found = verify_history(site, site.system_context()).verdict
            assert [each.kind for each in found.problems] == ["NOT_AS_TOLD"], column
            dba.all(f"UPDATE tenant SET {column} = ?", old)
        dba.db.close()


def test_values_that_were_erased_are_compared_no_longer_and_the_others_are(tmp_path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        plant(site)
        one = a_user(site, ["qa"], login="one")
        a_user(site, ["qa"], login="two")
        asked = Erasure("GDPR", "left", person="zoe")
        erase_personal(site, one, asked, SecondPerson("two", PASSWORD))
        seal(site)
        assert check_database(site, site.system_context()).violations == ()
        dba = Dba(tmp_path / "site.db")
        dba.all("UPDATE user_account SET roles = '[\"admin\"]' WHERE login = 'zoe'")
        dba.db.close()
        (found,) = check_database(site, site.system_context()).violations
        assert (found.place, found.message) == (
            "user zoe",
            "its roles are 'admin', the ledger told 'operator' last",
        )


def test_a_value_given_as_nothing_is_told_and_no_row_of_earlier_releases_is_named(tmp_path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        context = site.system_context()
        save_master(site, context, MasterInput("location", "H-9", "Hall", values={"kind": ""}))
        uid = save_master(site, context, MasterInput("location", "H-8", "Hall"))
        seal(site)
        assert check_database(site, context).violations == ()
        dba = Dba(tmp_path / "site.db")
        dba.all("UPDATE location SET kind = '' WHERE code = 'H-8'")
        assert told_of_masters(site) == [
            ("location H-8", "its kind is '', the ledger told 'store' last")
        ]
        # An earlier release told no version of what it made, and nothing of what is empty.
        ((key, head),) = dba.all("SELECT id, head FROM ledger_event WHERE object_uid = ?", uid)
        told = json.loads(as_bytes(head))
        del told["object"]["version"]
        dba.all("UPDATE ledger_event SET head = ? WHERE id = ?", json.dumps(told).encode(), key)
        assert told_of_masters(site) == []
        dba.all("UPDATE location SET kind = 'room' WHERE code = 'H-8'")
        assert len(told_of_masters(site)) == 1
        dba.db.close()


def test_contacts_that_an_earlier_release_told_cut_are_compared_as_far_and_never_shown(
    tmp_path,
) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        values = {"roles": ["supplier"], "contacts": {"note": "x"}}
        save_master(site, site.system_context(), MasterInput("party", "P-1", "P", {}, values))
        dba = Dba(tmp_path / "site.db")
        contacts = json.dumps({"note": "x" * 2500})
        dba.all("UPDATE party SET contacts = ? WHERE code = 'P-1'", contacts)
        statement = "UPDATE ledger_private SET value = ? WHERE field = 'new_contacts'"
        dba.all(statement, contacts[:2000])
        assert told_of_masters(site) == []
        for told in (contacts[:1999], contacts[:1999] + "y"):
            dba.all(statement, told)
            ((place, said),) = told_of_masters(site)
            assert place == "party P-1" and "xx" not in said
        dba.db.close()


def told_of_masters(site: Site) -> list[tuple[str, str]]:
    with site.store.read() as session:
        return [(each.place, each.message) for each in check_masters(Ground(site, session))]


@pytest.mark.parametrize("table", ["hold", "device"])
def test_a_row_without_its_entry_is_named_once(site: Site, dba: Dba, table: str) -> None:
    rows = Rows(dba, table)
    try:
        rows.change("uid")
        with site.store.read() as session:
            ground = Ground(site, session)
            found = [*check_told(ground), *check_books(ground)]
        assert [each.message for each in found].count("no entry of the ledger tells of it") == 1
    finally:
        rows.put_back()
