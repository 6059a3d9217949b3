"""Personal values are erased, old events archived: proofs stay whole, and nothing goes quietly."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from qtcore.errors import Denied, InputRejected, NotFound, Refused
from qtcore.offline import qtcore_verify
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.audit import seal
from qtcore.services.erasing import Erasure, SecondPerson, erase_personal
from qtcore.services.idempotency import claim_key, keep_answer
from qtcore.services.integrity.fsck import check_database
from qtcore.services.legal_holds import lift_legal_hold, list_legal_holds, place_legal_hold
from qtcore.services.proving import export_history, prove_lot
from qtcore.services.retention import archive_history
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import PASSWORD, FrozenClock, a_context, a_received_lot, a_site, a_user
from tests.attackers import judged, note

GROUND = "GDPR Art. 17(1)(a)"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(clock: FrozenClock) -> Iterator[Site]:
    with a_site(packs=["food"], clock=clock) as made:
        yield made


def offline(site: Site, document: dict[str, Any]) -> qtcore_verify.Verdict:
    keys = [qtcore_verify.read_key(site.signer.key.vkey)]
    file = qtcore_verify.read_file(json.dumps(document).encode())
    return qtcore_verify.judge(file, qtcore_verify.Trust(keys))


def act_as(site: Site, login: str) -> str:
    """Let a person do something; gives the public id of the entry."""
    with site.store.write(a_user(site, ["qa"], login=login)) as work:
        return work.log("look", "lot", "lot-1", private={"seen_by": "Ana"})


def test_a_person_is_erased_by_two_and_the_history_stays_whole(site: Site) -> None:
    uid = act_as(site, "leaver")
    first, second = a_user(site, ["qa"], login="one"), a_user(site, ["qa"], login="two")
    seal(site)
    count = erase_personal(
        site,
        first,
        Erasure(GROUND, "left the company", person="leaver"),
        SecondPerson("two", PASSWORD),
    )
    assert count == 4  # their name and login, in what they did and where they got their account
    seal(site)
    verdict = judged(site)
    assert (verdict.ok, verdict.redacted) == (True, 4)
    document = export_history(site, site.system_context()).as_json()
    assert offline(site, document).fails == 0
    file = qtcore_verify.read_file(json.dumps(document).encode())
    (shown,) = (
        "\n".join(qtcore_verify.show_event(file, event, is_proven=True))
        for event in file.events
        if json.loads(event.head)["id"] == uid
    )
    assert "actor_name: erased" in shown and "seen_by: Ana" in shown
    assert not [e.seq for e in file.events if "leaver" in str(e.private).lower()]
    erased = [h for h in (json.loads(e.head) for e in file.events) if h["action"] == "ledger.erase"]
    assert [(h["details"]["ground"], h["details"]["approved_by"]) for h in erased] == [
        (GROUND, second.actor.uid)
    ]


def test_no_file_of_the_database_holds_what_was_erased(tmp_path: Path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        one, second = a_user(site, ["qa"], login="one"), SecondPerson("two", PASSWORD)
        a_user(site, ["qa"], login="two")
        with site.store.write(one) as work:
            uid = work.log("look", "lot", "lot-1", private={"seen_by": "Anastasia of Bonn"})
        assert _files_with(tmp_path, b"Anastasia")
        erase_personal(site, one, Erasure(GROUND, "asked for", [(uid, "seen_by")]), second)
        assert _files_with(tmp_path, b"Anastasia") == []


def _files_with(folder: Path, value: bytes) -> list[str]:
    return [
        each.name
        for each in folder.glob("site.db*")
        if each.is_file() and value in each.read_bytes()
    ]


def test_one_field_goes_and_a_forged_one_in_its_place_is_named(site: Site) -> None:
    uid = act_as(site, "somebody")
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    asked = Erasure(GROUND, "asked for", [(uid, "seen_by")])
    assert erase_personal(site, one, asked, SecondPerson("two", PASSWORD)) == 1
    seal(site)
    document = export_history(site, site.system_context()).as_json()
    assert offline(site, document).fails == 0
    for event in document["events"]:
        if json.loads(base64.b64decode(event["head"]))["id"] == uid:
            event["private"]["seen_by"] = {"salt": "AAAAAAAAAAAAAAAAAAAAAA==", "value": "Eve"}
    assert any("FORGED" in line for line in offline(site, document).lines)
    with pytest.raises(NotFound, match="or it is erased"):
        erase_personal(site, one, asked, SecondPerson("two", PASSWORD))


def test_an_erasure_needs_two_persons_a_ground_and_the_right(site: Site) -> None:
    uid = act_as(site, "somebody")
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["operator"], login="worker")
    a_user(site, ["qa"], login="two")
    asked = Erasure(GROUND, "x", [(uid, "seen_by")])
    for who, second, error in (
        (one, SecondPerson("one", PASSWORD), Refused),
        (one, SecondPerson("two", "wrong password"), Refused),
        (one, SecondPerson("nobody", PASSWORD), Refused),
        (one, SecondPerson("worker", PASSWORD), Denied),
        (a_context(site, ["operator"]), SecondPerson("two", PASSWORD), Denied),
    ):
        with pytest.raises(error):
            erase_personal(site, who, asked, second)
    for bad in (
        Erasure("", "x", asked.fields),
        Erasure(GROUND, " ", asked.fields),
        Erasure("g", "r"),
    ):
        with pytest.raises(InputRejected):
            erase_personal(site, one, bad, SecondPerson("two", PASSWORD))
    seal(site)
    assert judged(site).redacted == 0


@pytest.mark.clause("EU Annex 11.17")
@pytest.mark.clause("21 CFR 11.10(c)")
def test_the_beginning_goes_into_a_file_and_the_rest_verifies(
    site: Site, clock: FrozenClock, tmp_path: Path
) -> None:
    lot = a_received_lot(site)
    for at in range(7):
        note(site, f"lot-{at}")
        seal(site)
    old = export_history(site, site.system_context()).as_json()
    clock.advance(days=3)
    note(site, "late")
    seal(site)
    size = judged(site).size
    context = site.system_context()
    made = archive_history(site, context, clock.at - timedelta(days=1), tmp_path / "2026.json")
    assert (made.first, made.last) == (0, size - 2)
    seal(site)
    verdict = judged(site)
    assert (verdict.ok, verdict.size) == (True, size + 1)
    assert verdict.events == 2  # what is still here was hashed again
    archived = json.loads((tmp_path / "2026.json").read_text())
    assert offline(site, archived).fails == 0
    assert [e["seq"] for e in archived["events"]] == [e["seq"] for e in old["events"]]
    rest = export_history(site, site.system_context(), first=size - 1).as_json()
    assert offline(site, rest).fails == 0
    assert check_database(site, site.system_context()).is_sound
    note(site, "and on")
    seal(site)
    assert judged(site).ok
    assert lot.uid
    with pytest.raises(InputRejected, match="still here"):
        archive_history(site, context, clock.at - timedelta(days=1), tmp_path / "again.json")


def archived_twice(site: Site, clock: FrozenClock, tmp_path: Path) -> NodeInfo:
    """A lot that was received before the first archive, and told of once more after the second."""
    lot = a_received_lot(site)
    for name in ("one", "two"):
        note(site, lot.uid)
        seal(site)
        clock.advance(days=3)
        note(site, "other")
        seal(site)
        before = clock.at - timedelta(days=1)
        archive_history(site, site.system_context(), before, tmp_path / f"{name}.json")
        seal(site)
    assert judged(site).ok
    assert check_database(site, site.system_context()).is_sound
    return lot


def test_a_lot_is_proven_in_parts_where_its_beginning_was_archived_twice(
    site: Site, clock: FrozenClock, tmp_path: Path
) -> None:
    lot, context = archived_twice(site, clock, tmp_path), site.system_context()
    with pytest.raises(NotFound, match=r"archived: events 0 to \d+ in one.json, .* in two.json"):
        prove_lot(site, context, lot.uid)
    note(site, lot.uid)
    seal(site)
    made = prove_lot(site, context, lot.uid)
    assert [each.file_name for each in made.archives] == ["one.json", "two.json"]
    assert offline(site, made.as_json()).fails == 0
    parts = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two")]
    rest = export_history(site, context).as_json()  # all that is still here
    for each in (*parts, rest):
        assert offline(site, each).fails == 0
    ends = [(each["about"]["from"], each["about"]["to"]) for each in (*parts, rest)]
    assert [first for first, _ in ends] == [0, ends[0][1] + 1, ends[1][1] + 1]
    named = [e for each in (*parts, rest) for e in each["events"] if names(e, lot.uid)]
    assert (len(named), len(made.events)) == (4, 1)
    with pytest.raises(InputRejected, match=r"archived: .* export from"):
        export_history(site, context, first=1)


def names(event: dict[str, Any], uid: str) -> bool:
    head = json.loads(base64.b64decode(event["head"]))
    return uid in (head["object"]["id"], *head["about"])


@pytest.mark.clause("21 CFR 11.10(c)")
def test_what_was_not_archived_cannot_be_deleted(site: Site, clock: FrozenClock, tmp_path: Path):
    for at in range(4):
        note(site, f"lot-{at}")
    seal(site)
    clock.advance(days=3)
    note(site, "late")
    seal(site)
    before = clock.at - timedelta(days=1)
    archive_history(site, site.system_context(), before, tmp_path / "a.json")
    for table in ("ledger_event", "ledger_seal", "ledger_about", "ledger_private"):
        with (
            pytest.raises(Exception, match="append-only"),
            site.store.plumbing() as session,
        ):
            session.execute(text(f"DELETE FROM {table}"))
    for table in ("ledger_archive", "ledger_archived"):
        with (
            pytest.raises(Exception, match="append-only"),
            site.store.plumbing() as session,
        ):
            session.execute(text(f"UPDATE {table} SET tenant_id = 1"))


@pytest.mark.clause("21 CFR 11.10(c)")
def test_nothing_is_archived_or_erased_under_a_legal_hold(
    site: Site, clock: FrozenClock, tmp_path: Path
) -> None:
    uid = act_as(site, "somebody")
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    seal(site)
    clock.advance(days=3)
    note(site, "late")
    seal(site)
    before, context = clock.at - timedelta(days=1), site.system_context()
    asked, second = Erasure(GROUND, "x", [(uid, "seen_by")]), SecondPerson("two", PASSWORD)
    for subject in ("lot-1", "*"):
        hold = place_legal_hold(site, one, subject, reason="lawsuit 12/26")
        assert [each["subject"] for each in list_legal_holds(site, one)] == [subject]
        with pytest.raises(Refused, match="lawsuit 12/26"):
            archive_history(site, context, before, tmp_path / "a.json")
        with pytest.raises(Refused, match="lawsuit 12/26"):
            erase_personal(site, one, asked, second)
        lift_legal_hold(site, one, hold, reason="settled")
    assert not (tmp_path / "a.json").exists()
    assert erase_personal(site, one, asked, second) == 1
    assert archive_history(site, context, before, tmp_path / "a.json").first == 0
    with pytest.raises(NotFound):
        lift_legal_hold(site, one, "nowhere", reason="x")
    with pytest.raises(InputRejected):
        place_legal_hold(site, one, "lot-1", reason="")


@pytest.mark.postgres
def test_archive_erasure_and_check_work_on_postgres_too(
    postgres_url: str, clock: FrozenClock, tmp_path: Path
) -> None:
    with a_site(postgres_url, packs=["food"], clock=clock) as site:
        a_received_lot(site)
        uid = act_as(site, "somebody")
        one = a_user(site, ["qa"], login="one")
        a_user(site, ["qa"], login="two")
        asked = Erasure(GROUND, "x", [(uid, "seen_by")])
        assert erase_personal(site, one, asked, SecondPerson("two", PASSWORD)) == 1
        seal(site)
        assert check_database(site, site.system_context()).violations == ()
        clock.advance(days=3)
        note(site, "late")
        seal(site)
        for table in ("ledger_event", "ledger_seal", "ledger_about", "ledger_private"):
            with (
                pytest.raises(Exception, match="append-only"),
                site.store.plumbing() as session,
            ):
                session.execute(text(f"DELETE FROM {table}"))
        before = clock.at - timedelta(days=1)
        archive_history(site, site.system_context(), before, tmp_path / "a.json")
        seal(site)
        assert judged(site).ok
        assert check_database(site, site.system_context()).violations == ()


def test_an_address_goes_with_its_person_though_the_login_beside_it_went_before(site: Site) -> None:
    context = site.system_context()
    add_user(site, context, NewUser("zoe", "Zoe", ("operator",), PASSWORD, "zoe@example.org"))
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    second = SecondPerson("two", PASSWORD)
    with site.store.read() as session:
        told = "SELECT e.uid FROM ledger_event e JOIN ledger_private p ON p.event_id = e.id "
        uid = session.execute(text(f"{told} WHERE p.value = 'zoe'")).scalar_one()
    erase_personal(site, one, Erasure(GROUND, "asked for", [(uid, "new_login")]), second)
    erase_personal(site, one, Erasure(GROUND, "left", person="zoe"), second)
    with site.store.read() as session:
        kept = session.execute(text("SELECT value FROM ledger_private")).scalars().all()
    assert "zoe@example.org" not in kept and "Zoe" not in kept
    seal(site)
    assert check_database(site, site.system_context()).violations == ()


def test_an_answer_that_was_kept_names_what_an_archive_took_along(
    site: Site, clock: FrozenClock, tmp_path: Path
) -> None:
    user = a_user(site, ["operator"], login="boss")
    uid = add_user(site, site.system_context(), NewUser("zed", "Zed", ("qa",), PASSWORD, ""))
    claim_key(site, user, "k-1", "sha")
    answer = {"content": {"user_id": uid}, "location": ""}
    keep_answer(site, user, "k-1", status=201, answer=answer)
    seal(site)
    clock.advance(days=3)
    note(site, "late")
    seal(site)
    before = clock.at - timedelta(days=1)
    archive_history(site, site.system_context(), before, tmp_path / "old.json")
    seal(site)
    assert check_database(site, site.system_context()).violations == ()
    lost = {"content": {"user_id": uid[:-1] + ("0" if uid[-1] != "0" else "1")}, "location": ""}
    claim_key(site, user, "k-2", "sha")
    keep_answer(site, user, "k-2", status=201, answer=lost)
    (found,) = check_database(site, site.system_context()).violations
    assert found.invariant == "I1"  # the control
