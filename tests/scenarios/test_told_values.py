"""What is told of master data and persons: each value, and what is personal beside the head."""

import json
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qtcore.errors import Denied
from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.master import MasterInput, save_master
from qtcore.services.proving import export_history
from qtcore.services.site import Site
from qtcore.services.users import end_sessions
from qtcore.testing import a_context, a_site, an_item

PHONE = "+49 228 555"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("told") / "site.db"


@pytest.fixture(scope="module")
def site(file: Path) -> Iterator[Site]:
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        yield made


def told(site: Site, action: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Give the heads of one act, and the personal values beside them."""
    seal(site)
    document = export_history(site, site.system_context()).as_json()
    entries = [
        (json.loads(b64decode(each["head"])), {k: v["value"] for k, v in each["private"].items()})
        for each in document["events"]
    ]
    return [each for each in entries if each[0]["action"] == action]


def violations(site: Site) -> list[str]:
    return [str(each) for each in check_database(site, site.system_context()).violations]


def test_a_new_entry_tells_each_value_and_none_can_be_changed_by_hand(
    site: Site, file: Path
) -> None:
    an_item(site, "BUTTER", kind="finished", unit="kg", industry="food")
    head, _ = told(site, "master.create")[-1]
    assert head["changes"] == [
        ["code", None, "BUTTER"],
        ["industry", None, "food"],
        ["kind", None, "finished"],
        ["name", None, "BUTTER"],
        ["unit", None, "kg"],
    ]
    assert violations(site) == []
    with closing(sqlite3.connect(file, isolation_level=None)) as dba:
        for column, value, before in (("unit", "g", "kg"), ("kind", "raw", "finished")):
            dba.execute(f"UPDATE item SET {column} = ? WHERE code = 'BUTTER'", (value,))
            (named,) = violations(site)
            assert "I3" in named and f"its {column} is {value!r}" in named
            dba.execute(f"UPDATE item SET {column} = ? WHERE code = 'BUTTER'", (before,))
    assert violations(site) == []


def test_whom_to_call_at_a_company_stands_beside_the_head_where_it_can_be_erased(
    site: Site,
) -> None:
    for contacts in ({"phone": PHONE}, {"phone": PHONE, "name": "Hans"}, {}):
        save_master(
            site,
            site.system_context(),
            MasterInput("party", "FARM", "Farm", values={"contacts": contacts}),
        )
    made, changed, emptied = [
        *(each for each in told(site, "master.create") if each[0]["object"]["kind"] == "party"),
        *told(site, "master.change"),
    ][-3:]
    assert not [head for head, _ in (made, changed, emptied) if PHONE in json.dumps(head)]
    phone = json.dumps({"phone": PHONE})
    both = json.dumps({"name": "Hans", "phone": PHONE})
    assert made[1]["new_contacts"] == phone
    assert (changed[1]["old_contacts"], changed[1]["new_contacts"]) == (phone, both)
    assert emptied[1]["old_contacts"] == both and "new_contacts" not in emptied[1]


def test_a_login_that_somebody_was_denied_about_can_be_erased(site: Site) -> None:
    with pytest.raises(Denied):
        end_sessions(site, a_context(site, ["operator"]), "leaver")
    head, private = told(site, "denied")[-1]
    assert (head["details"], private["about"]) == ({}, "leaver")
