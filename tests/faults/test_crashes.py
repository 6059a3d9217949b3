"""A process is killed, its disk fills, its log is torn: what was answered for is there."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from qtcore.errors import StoreUnavailable
from qtcore.services.audit import seal
from qtcore.services.configurations import newest_number
from qtcore.services.integrity.fsck import check_database
from qtcore.services.site import Site
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.outposts import Outposts, WitnessFolder
from qtcore.store.proofs import list_checkpoint_sizes
from qtcore.store.tables import Lot
from qtcore.testing import a_received_lot, a_site, a_user
from qtcore.testing.sites import sqlite_url
from tests.attackers import note, opened
from tests.faults.instance import ROWS, Gone, Instance
from tests.faults.racing import another_instance

pytestmark = pytest.mark.fault


Acks = list[list[object]]


BOTH = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])]


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return made(sqlite_url(tmp_path))
    return made(request.getfixturevalue("postgres_url"))


def made(url: str) -> str:
    """Make a database with the people who act, and leave it."""
    with a_site(url, packs=["food"]) as site:
        for role, login in (("qp", "petra"), ("implementer", ""), ("qa", "")):
            a_user(site, [role], login=login)
        a_received_lot(site, lot_no="before")
        seal(site)
    return url


def lost_after(site: Site, acks: Acks) -> Acks:
    """Give each act that was answered for and is not there."""
    with site.store.read() as session:
        lots = {lot.lot_no: lot.state for lot in session.exec(select(Lot)).all()}
        version = newest_number(session, site.store.tenant_id)
    holds: dict[str, Callable[[object], bool]] = {
        "received": lambda no: no in lots,
        "released": lambda no: lots.get(str(no)) == "released",
        "loaded": lambda first: all(f"C-{int(str(first)) + at}" in lots for at in range(ROWS)),
        "sealed": lambda _: True,
        "published": lambda number: version >= int(str(number)),
    }
    return [ack for ack in acks if not holds[str(ack[0])](ack[1])]


def killed_while_it_works(zygote: Instance, url: str, run: int, publishes: bool) -> Acks:
    """Let a copy work, kill it at a moment nobody chose; gives what it had answered for."""
    lot = random.Random(run)
    pid = zygote.ask("fork")
    zygote.ask("open", url=url, seed=100 + run)
    zygote.tell("work", run=str(run), publishes=publishes)
    acks = [zygote.hear() for _ in range(lot.randrange(1, 14 if publishes else 8))]
    try:
        while lot.random() < 0.7:
            acks.append(zygote.hear(lot.random() * 0.2))
    except Gone:
        pass
    os.kill(pid, signal.SIGKILL)
    acks += zygote.heard()
    while "ended" not in acks:
        acks.append(zygote.hear())
    return [ack for ack in acks if ack != "ended"]


@pytest.mark.parametrize(
    ("count", "publishes"), [(3, False), pytest.param(30, True, marks=pytest.mark.slow)]
)
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    zygote: Instance, url: str, count: int, publishes: bool
) -> None:
    acks: Acks = []
    for run in range(1, count + 1):
        acks += killed_while_it_works(zygote, url, run, publishes)
        if run % 5 == 0 or run == count:
            assert len(acks) > run
            assert what_is_wrong(url, acks, seed=1000 + run) == []


def what_is_wrong(url: str, acks: Acks, seed: int) -> Acks:
    """Open after a fault: lost acts and, once the rest is sealed, broken invariants."""
    site = another_instance(url, seed)
    try:
        lost = lost_after(site, acks)
        seal(site)
        found = check_database(site, site.system_context()).violations
        broken: Acks = [[each.as_json()] for each in found]
        return lost + broken
    finally:
        site.close()


def test_the_check_sees_acts_that_are_lost_with_the_log(zygote: Instance, tmp_path: Path) -> None:
    """The control: without SQLite's write-ahead log, which is the defence, acts are gone."""
    url = made(sqlite_url(tmp_path))
    pid = zygote.ask("fork")
    zygote.ask("open", url=url, seed=7)
    zygote.ask("receive", no="L-1")
    os.kill(pid, signal.SIGKILL)
    assert zygote.hear() == "ended"
    (tmp_path / "site.db-wal").unlink()
    assert what_is_wrong(url, [["received", "L-1"]], seed=8) == [["received", "L-1"]]


def test_a_full_disk_refuses_by_name_and_stores_no_half(zygote: Instance, tmp_path: Path) -> None:
    url = made(sqlite_url(tmp_path))
    full, free = 16 << 10, -1
    pid = zygote.ask("fork")
    zygote.ask("open", url=url, seed=7)
    acks: Acks = [["received", "L-0"]]
    lot = zygote.ask("receive", no="L-0")["done"]
    said = []
    for at in range(1, 4):
        zygote.limit(pid, full)
        said += [zygote.ask("receive", no=f"L-{at}"), zygote.ask("release", lot=lot)]
        said += [zygote.ask("load", first=at * 100), zygote.ask("seal")]
        zygote.limit(pid, free)
        assert "done" in zygote.ask("receive", no=f"M-{at}")
        acks.append(["received", f"M-{at}"])
    os.kill(pid, signal.SIGKILL)
    assert zygote.hear() == "ended"
    assert {answer.get("error") for answer in said} == {"QT503"}
    assert what_is_wrong(url, acks, seed=9) == []
    site = another_instance(url, 10)
    with site.store.read() as session:
        lots = set(session.exec(select(Lot.lot_no)).all())
    site.close()
    assert lots == {"before", "L-0", "M-1", "M-2", "M-3"}


def test_without_transactions_a_full_disk_leaves_half_an_act(
    zygote: Instance, tmp_path: Path
) -> None:
    """The control: each statement for itself, and the disk is full after some of them."""
    url = made(sqlite_url(tmp_path))
    pid = zygote.ask("fork")
    zygote.ask("open", url=url, seed=7, off=["transactions"])
    assert "done" in zygote.ask("receive", no="L-0")
    log = tmp_path / "site.db-wal"
    for pages in range(1, 60):
        zygote.limit(pid, log.stat().st_size + (pages << 12))
        if "done" in zygote.ask("receive", no=f"P-{pages}"):
            break
    os.kill(pid, signal.SIGKILL)
    assert zygote.hear() == "ended"
    assert what_is_wrong(url, [["received", "L-0"]], seed=9) != []


Tear = Callable[[bytearray, random.Random], None]


def _flip(log: bytearray, lot: random.Random) -> None:
    log[lot.randrange(32, len(log))] ^= 1 << lot.randrange(8)


def _shorten(log: bytearray, lot: random.Random) -> None:
    del log[lot.randrange(32, len(log)) :]


@pytest.mark.parametrize("tear", [_flip, _shorten], ids=["flipped bit", "cut short"])
@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_acts_that_a_torn_log_drops_are_seen_by_the_witness(
    tmp_path: Path, tear: Tear, count: int
) -> None:
    outposts = Outposts((), (WitnessFolder(tmp_path / "worm"),))
    file = tmp_path / "site.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as made:
        site = replace(made, outposts=outposts)
        for at in range(4):
            note(site, f"lot-{at}")
            size = seal(site)
        assert [seen.standing for seen in tell_witnesses(site)] == ["agrees"]
        for name in ("site.db", "site.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / f"kept-{name}")
    seen: list[tuple[bool, str, bool]] = []
    for seed in range(count):
        log = bytearray((tmp_path / "kept-site.db-wal").read_bytes())
        tear(log, random.Random(seed))
        torn = tmp_path / f"torn-{seed}.db"
        shutil.copy(tmp_path / "kept-site.db", torn)
        Path(f"{torn}-wal").write_bytes(log)
        try:
            with opened(torn) as plain:
                # The control: without a witness the database opens clean, and nobody notices.
                assert plain.store.fence == ""
                with plain.store.read() as session:
                    held = max(list_checkpoint_sizes(session, plain.store.tenant_id), default=0)
                again = replace(plain, outposts=outposts)
                (standing,) = [each.standing for each in tell_witnesses(again)]
                seen.append((held < size, standing, bool(again.store.fence)))
        except StoreUnavailable:
            seen.append((True, "does not open", True))
    assert all(fenced for lost, _, fenced in seen if lost), seen
    assert any(lost for lost, _, _ in seen)
    assert not any(fenced for lost, _, fenced in seen if not lost)
