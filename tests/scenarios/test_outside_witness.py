"""A site and its witnesses: a restored backup is noticed, fenced, signed for, and goes on."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.context import Sources
from qtcore.errors import Denied, InputRejected, Refused, StoreUnavailable
from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal
from qtcore.services.proving import export_history
from qtcore.services.restoring import accept_restore
from qtcore.services.retention import archive_history
from qtcore.services.site import Site
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.outposts import Outposts, WitnessFolder, WitnessServer
from qtcore.store.signers import Signer, load_or_make_signer
from qtcore.store.store import open_store
from qtcore.testing import (
    PASSWORD,
    FrozenClock,
    a_context,
    a_registry,
    a_site,
    a_user,
    seeded_bytes,
)
from tests.attackers import Dba, judged, note
from tests.outposts import a_running_witness

pytestmark = pytest.mark.heavy

SIGNER = Signer("qtcore/test-1", Ed25519PrivateKey.from_private_bytes(seeded_bytes(1)(32)))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[WitnessServer]:
    with a_running_witness(tmp_path / "witness", (SIGNER.key,)) as made:
        yield made


@pytest.fixture
def outposts(running: WitnessServer, tmp_path: Path) -> Outposts:
    return Outposts((running,), (WitnessFolder(tmp_path / "worm"),))


def reopened(file: Path, outposts: Outposts) -> Site:
    clock = FrozenClock(FrozenClock().at + timedelta(hours=1))
    sources = Sources(now=clock.now, random_bytes=seeded_bytes(2))
    store = open_store(f"sqlite:///{file}", sources=sources)
    return Site(store, a_registry("food"), sources, SIGNER, outposts=outposts)


def standings(site: Site) -> list[tuple[str, int | None]]:
    return [(seen.standing, seen.size) for seen in tell_witnesses(site)]


@pytest.fixture
def restored(outposts: Outposts, tmp_path: Path) -> Path:
    """A database that was put back to an older state after its witnesses had seen more."""
    file = tmp_path / "site.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        site = replace(made, outposts=outposts)
        a_user(site, ["qa"], login="quinn")
        size = seal(site)
        assert standings(site) == [("agrees", size)] * 2
    shutil.copy(file, tmp_path / "backup.db")
    again = reopened(file, outposts)
    for at in range(3):
        note(again, f"lot-{at}")
    assert seal(again) == size + 3
    assert standings(again) == [("agrees", size + 3)] * 2
    again.close()
    shutil.copy(tmp_path / "backup.db", file)
    for end in ("-wal", "-shm"):
        Path(f"{file}{end}").unlink(missing_ok=True)
    return file


def test_a_restored_backup_is_read_only_until_qa_signs_what_was_lost(
    restored: Path, outposts: Outposts
) -> None:
    site = reopened(restored, outposts)
    size = judged(site).size
    assert standings(site) == [("ahead", size + 3)] * 2
    with pytest.raises(StoreUnavailable, match=r"read-only: the witness .* has seen") as caught:
        note(site, "lot-9")
    assert caught.value.code == "QT620"
    # Reading goes on, and the check of the history names what the folder keeps.
    assert [(each.kind, each.seq) for each in judged(site).problems] == [
        ("SHORTER_THAN_WITNESS", size)
    ]
    quinn = a_user(site, ["qa"], login="quinn")
    lost = accept_restore(site, quinn, password=PASSWORD, reason="disk of the server failed")
    assert (lost.first, lost.last, lost.incarnation) == (size, size + 2, 2)
    note(site, "lot-9")
    seal(site)
    verdict = judged(site)
    assert verdict.ok
    assert [each.kind for each in verdict.notices] == ["RESTORED"]
    assert {standing for standing, _ in standings(site)} == {"agrees"}
    assert site.store.fence == ""
    site.close()


def test_what_was_written_while_the_witness_was_away_hides_no_lost_event(
    restored: Path, outposts: Outposts
) -> None:
    """It stands where a lost event stood, and the restore tells of that one as well."""
    alone = reopened(restored, Outposts())
    size = judged(alone).size
    note(alone, "lot-9")
    assert seal(alone) == size + 1
    alone.close()
    site = reopened(restored, outposts)
    assert ("ahead", size + 3) in standings(site)
    quinn = a_user(site, ["qa"], login="quinn")
    lost = accept_restore(site, quinn, password=PASSWORD, reason="disk of the server failed")
    assert (lost.first, lost.last) == (size, size + 2)
    site.close()


def test_a_cosignature_that_fits_no_checkpoint_is_a_fork(
    outposts: Outposts, tmp_path: Path
) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as made:
        site = replace(made, outposts=outposts)
        note(site, "lot-1")
        first = seal(site)
        tell_witnesses(site)
        note(site, "lot-2")
        seal(site)
        tell_witnesses(site)
        assert judged(site).problems == ()
        dba = Dba(tmp_path / "site.db")
        dba.all("UPDATE ledger_cosignature SET line = (SELECT max(line) FROM ledger_cosignature)")
        kinds = {(each.kind, each.seq) for each in judged(site).problems}
        dba.db.close()
    assert kinds & {("ROOT_FORK", first - 1), ("ROOT_FORK", first)}


def test_the_restore_shows_in_what_is_handed_out(
    restored: Path, outposts: Outposts, tmp_path: Path
) -> None:
    site = reopened(restored, outposts)
    tell_witnesses(site)
    accept_restore(site, a_user(site, ["qa"], login="quinn"), password=PASSWORD, reason="failure")
    made = export_history(site, site.system_context()).as_json()
    file = qtcore_verify.read_file(json.dumps(made).encode())
    trusted = qtcore_verify.read_key(SIGNER.key.vkey)
    witness = qtcore_verify.read_key(outposts.servers[0].key.vkey, b"\x04")
    verdict = qtcore_verify.judge(file, qtcore_verify.Trust((trusted,), witnesses=(witness,)))
    assert verdict.fails == 0
    assert any("incarnation-2" in line for line in verdict.lines)
    assert any(line.startswith("PASS  witness") for line in verdict.lines)
    other = replace(witness, public=trusted.public, key_id=b"none")
    verdict = qtcore_verify.judge(file, qtcore_verify.Trust((trusted,), witnesses=(other,)))
    assert any("NOT_WITNESSED" in line for line in verdict.lines)
    site.close()


def test_nobody_else_can_sign_for_a_restore(restored: Path, outposts: Outposts) -> None:
    site = reopened(restored, outposts)
    fence = tell_witnesses(site) and site.store.fence
    quinn = a_user(site, ["qa"], login="quinn")
    with pytest.raises((Denied, StoreUnavailable)):
        accept_restore(site, a_context(site, ["operator"]), password=PASSWORD, reason="x")
    with pytest.raises(Refused, match="not accepted"):
        accept_restore(site, quinn, password="wrong password", reason="x")
    with pytest.raises(InputRejected, match="reason is needed"):
        accept_restore(site, quinn, password=PASSWORD, reason=" ")
    assert site.store.fence == fence
    site.close()


def test_work_after_a_restore_that_nobody_noticed_is_a_fork(
    restored: Path, outposts: Outposts
) -> None:
    site = reopened(restored, replace(outposts, servers=(), folders=()))
    for at in range(9):
        note(site, f"again-{at}")
    seal(site)
    site.close()
    site = reopened(restored, outposts)
    assert [standing for standing, _ in standings(site)] == ["fork", "fork"]
    assert "another history" in site.store.fence
    site.close()


def test_without_a_restore_there_is_nothing_to_accept(outposts: Outposts, tmp_path: Path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'b.db'}", packs=["food"]) as made:
        site = replace(made, outposts=outposts)
        seal(site)
        with pytest.raises(InputRejected, match="nothing was lost"):
            accept_restore(site, a_user(site), password=PASSWORD, reason="x")


def test_a_witness_that_is_away_stops_nobody(tmp_path: Path, running: WitnessServer) -> None:
    away = replace(running, url="http://127.0.0.1:9")
    with a_site(f"sqlite:///{tmp_path / 'c.db'}", packs=["food"]) as made:
        site = replace(made, outposts=Outposts((away,)))
        seal(site)
        assert standings(site) == [("unreachable", None)]
        note(site, "lot-1")


def hide_behind_a_larger_number(folder: Path) -> Path:
    """Give an older note a larger number, so that it is found before the newest one."""
    notes = sorted(folder.glob("*/*.note"))
    return Path(shutil.copy(notes[0], notes[0].with_name(f"{9**9:020d}.note")))


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"no note"])
def test_a_file_put_into_the_folder_does_not_hide_what_it_has_seen(
    restored: Path, outposts: Outposts, content: bytes | None
) -> None:
    """Whoever may add files, but not change them, cannot make a restore go unnoticed."""
    made = hide_behind_a_larger_number(outposts.folders[0].path)
    made.chmod(0o644)
    if content is not None:
        made.write_bytes(content)
    site = reopened(restored, replace(outposts, servers=()))
    size = judged(site).size
    assert standings(site) == [("ahead", size + 3)]
    assert "read-only" in site.store.fence
    kinds = [each.kind for each in judged(site).problems]
    assert kinds == ["BAD_SIGNATURE", "SHORTER_THAN_WITNESS"]
    site.close()


def test_a_file_that_is_no_note_is_named_where_nothing_is_lost(
    outposts: Outposts, tmp_path: Path
) -> None:
    with a_site(f"sqlite:///{tmp_path / 'd.db'}", packs=["food"]) as made:
        site = replace(made, outposts=replace(outposts, servers=()))
        seal(site)
        tell_witnesses(site)
        note(site, "lot-1")
        seal(site)
        tell_witnesses(site)
        hide_behind_a_larger_number(outposts.folders[0].path)
        (seen,) = tell_witnesses(site)
        assert seen.standing == "refuses"
        assert "is not what it is called" in seen.message
        assert site.store.fence == ""


def with_a_folder(tmp_path: Path, site: Site) -> Site:
    made = replace(site, outposts=Outposts((), (WitnessFolder(tmp_path / "worm"),)))
    seal(made)
    assert standings(made) == [("agrees", judged(made).size)]
    return made


def test_a_folder_in_the_place_of_an_unmounted_one_is_refused(tmp_path: Path) -> None:
    with a_site(f"sqlite:///{tmp_path / 'e.db'}", packs=["food"]) as made:
        site = with_a_folder(tmp_path, made)
        worm, away = tmp_path / "worm", tmp_path / "away"
        worm.rename(away)
        worm.mkdir()  # the mount point of this machine
        note(site, "lot-1")
        seal(site)
        (seen,) = tell_witnesses(site)
        assert (seen.standing, [*worm.iterdir()]) == ("unreachable", [])
        assert "is not mounted, or another folder stands in its place" in seen.message
        assert [each.kind for each in judged(site).problems] == ["NOT_WITNESSED"]
        worm.rmdir()
        away.rename(worm)
        assert standings(site) == [("agrees", judged(site).size)]
        assert judged(site).ok


def test_without_the_look_for_its_last_note_a_folder_is_replaced_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the folder of this machine takes the place of the share."""
    monkeypatch.setattr("qtcore.services.witnessing._require_own_place", lambda site, target: None)
    with a_site(f"sqlite:///{tmp_path / 'f.db'}", packs=["food"]) as made:
        site = with_a_folder(tmp_path, made)
        (tmp_path / "worm").rename(tmp_path / "away")
        note(site, "lot-1")
        assert standings(site)[0][0] == "agrees"
        assert (tmp_path / "worm").exists()


def test_a_backup_from_before_its_folder_is_signed_for_and_told_on(tmp_path: Path) -> None:
    file, worm = tmp_path / "i.db", Outposts((), (WitnessFolder(tmp_path / "worm"),))
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        a_user(made, ["qa"], login="quinn")
        seal(made)
        signer = load_or_make_signer(tmp_path / "keys")
    shutil.copy(file, tmp_path / "backup.db")
    site = replace(reopened(file, worm), signer=replace(SIGNER, folder=signer.folder))
    note(site, "late")
    seal(site)
    tell_witnesses(site)
    site.close()
    shutil.copy(tmp_path / "backup.db", file)
    site = replace(reopened(file, worm), signer=replace(SIGNER, folder=signer.folder))
    assert [standing for standing, _ in standings(site)] == ["ahead"]
    quinn = a_user(site, ["qa"], login="quinn")
    accept_restore(site, quinn, password=PASSWORD, reason="disk")
    assert [standing for standing, _ in standings(site)] == ["agrees"]
    assert judged(site).ok
    site.close()


def test_a_backup_from_before_an_archive_is_signed_for_and_archived_again(tmp_path: Path) -> None:
    file, outposts = tmp_path / "g.db", Outposts((), (WitnessFolder(tmp_path / "worm"),))
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        a_user(made, ["qa"], login="quinn")
        with_a_folder(tmp_path, made)
    shutil.copy(file, tmp_path / "backup.db")
    site = reopened(file, outposts)
    note(site, "late")
    seal(site)
    before = site.sources.now() - timedelta(minutes=30)
    first = archive_history(site, site.system_context(), before, tmp_path / "one.json")
    seal(site)
    tell_witnesses(site)
    site.close()
    shutil.copy(tmp_path / "backup.db", file)
    site = reopened(file, outposts)
    assert [standing for standing, _ in standings(site)] == ["ahead"]
    quinn = a_user(site, ["qa"], login="quinn")
    accept_restore(site, quinn, password=PASSWORD, reason="disk")
    again = archive_history(site, site.system_context(), before, tmp_path / "two.json")
    seal(site)
    assert judged(site).ok
    assert (first.first, again.first) == (0, 0)
    key = qtcore_verify.read_key(SIGNER.key.vkey)
    for archived in (first, again):
        told = qtcore_verify.read_file(archived.file.read_bytes())
        assert qtcore_verify.judge(told, qtcore_verify.Trust((key,))).fails == 0
    site.close()


@pytest.mark.parametrize("is_known", [True, False])
def test_a_backup_from_before_a_folder_was_set_up_knows_it_by_the_key_folder(
    tmp_path: Path, *, is_known: bool
) -> None:
    """And the control: where the key folder does not tell of it, an empty one is taken for new."""
    file, keys = tmp_path / "h.db", tmp_path / "keys"
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        site = with_a_folder(tmp_path, replace(made, signer=load_or_make_signer(keys)))
        dba = Dba(file)
        dba.all("DELETE FROM ledger_cosignature")  # the backup is older than the folder
        dba.db.close()
        if not is_known:
            (keys / "ledger.folders").unlink()
        (tmp_path / "worm").rename(tmp_path / "away")
        (seen,) = tell_witnesses(site)
        assert seen.standing == ("unreachable" if is_known else "agrees")
        assert (tmp_path / "worm").exists() is not is_known
        if is_known:
            (tmp_path / "away").rename(tmp_path / "worm")
            assert standings(site)[0][0] == "agrees"
