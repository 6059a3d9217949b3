"""The signing key is changed: who trusts the old one can follow, and no thief comes between."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.errors import Denied, InputRejected, QTCoreError, StoreUnavailable
from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal
from qtcore.services.keys import rotate_key
from qtcore.services.proving import export_history
from qtcore.services.site import Site
from qtcore.store.key_changes import settle_signer
from qtcore.store.signers import Signer, load_or_make_signer, make_next_key
from qtcore.store.store import open_store
from qtcore.testing import a_context, a_site
from tests.attackers import Dba, judged, kinds_of, note

pytestmark = pytest.mark.heavy


@pytest.fixture
def site(tmp_path: Path):
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as made:
        yield replace(made, signer=load_or_make_signer(tmp_path / "keys"))


def changed(site: Site) -> Site:
    made = rotate_key(site, site.system_context(), reason="yearly change")
    return replace(site, signer=made.signer)


def judge_with(site: Site, *vkeys: str) -> qtcore_verify.Verdict:
    made = export_history(site, site.system_context()).as_json()
    keys = [qtcore_verify.read_key(each) for each in vkeys]
    return qtcore_verify.judge(
        qtcore_verify.read_file(json.dumps(made).encode()), qtcore_verify.Trust(keys)
    )


def test_who_trusts_the_old_key_can_follow_to_the_new_one(site: Site) -> None:
    old = site.signer.key.vkey
    note(site, "lot-1")
    once = changed(site)
    note(once, "lot-2")
    seal(once)
    twice = changed(once)
    note(twice, "lot-3")
    seal(twice)
    assert judged(twice).ok
    assert len({old, once.signer.key.vkey, twice.signer.key.vkey}) == 3
    for vkey in (old, once.signer.key.vkey, twice.signer.key.vkey):
        verdict = judge_with(twice, vkey)
        assert verdict.fails == 0, verdict.lines
    thief = Signer(site.signer.name, Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32))
    assert "BAD_SIGNATURE" in judge_with(twice, thief.key.vkey).lines[0]


def test_the_old_secret_is_gone_and_its_public_side_kept(site: Site, tmp_path: Path) -> None:
    old = site.signer.key.vkey
    size = judged(changed(site)).size
    signer = load_or_make_signer(tmp_path / "keys")
    assert [(each.key.vkey, each.last_size) for each in signer.retired] == [(old, size - 1)]
    assert {file.name for file in (tmp_path / "keys").iterdir()} == {
        "ledger.key",
        "ledger.vkey",
        "ledger.retired",
    }
    assert (tmp_path / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o400


def test_a_state_signed_with_a_retired_key_is_not_believed(site: Site, tmp_path: Path) -> None:
    old = site.signer
    new = changed(site)
    note(new, "lot-2")
    seal(new)
    assert judged(new).ok
    copy = tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(tmp_path / "site.db")) as source,
        closing(sqlite3.connect(copy)) as to,
    ):
        source.backup(to)
    dba = Dba(copy)
    dba.sign(old.private_key, old.name)
    dba.db.close()
    again = replace(new, store=open_store(f"sqlite:///{copy}"))
    assert "BAD_SIGNATURE" in {kind for kind, _ in kinds_of(judged(again))}
    again.close()


def test_a_process_that_still_holds_the_old_key_seals_no_more(site: Site) -> None:
    changed(site)
    note(site, "lot-9")
    with pytest.raises(QTCoreError, match="changed by another process") as caught:
        seal(site)
    assert caught.value.code == "QT606"


def test_a_change_that_was_cut_short_is_finished_at_the_next_start(
    site: Site, tmp_path: Path
) -> None:
    keys, before = tmp_path / "keys", tmp_path / "before"
    make_next_key(site.signer)
    shutil.copytree(keys, before)
    new = changed(site)
    # As if the power had gone after the database was told and before the files were changed.
    shutil.rmtree(keys)
    shutil.copytree(before, keys)
    settled = settle_signer(site.store, load_or_make_signer(keys))
    assert settled.key == new.signer.key
    assert settled.retired == new.signer.retired


def test_a_key_folder_older_than_the_last_change_is_refused(site: Site, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "keys", tmp_path / "before")
    changed(site)
    with pytest.raises(StoreUnavailable, match="older than the last change of keys"):
        settle_signer(site.store, load_or_make_signer(tmp_path / "before"))


def test_a_change_of_keys_needs_the_right_and_a_reason(site: Site) -> None:
    vkey = site.signer.key.vkey
    with pytest.raises(Denied):
        rotate_key(site, a_context(site, ["operator"]), reason="x")
    with pytest.raises(InputRejected, match="reason is needed"):
        rotate_key(site, site.system_context(), reason=" ")
    assert load_or_make_signer(site.signer.folder or Path()).key.vkey == vkey
