"""The power is cut at any moment: nothing that was answered for is lost, no promise is broken."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.store import engines
from qtcore.testing import FrozenClock, a_received_lot, a_site, release
from tests.attackers import opened

pytest.importorskip("apsw", reason="the power-cut disk is a VFS of apsw: pip install apsw")

from tests.faults.power import Ack, Statements, Tape, content_of, cut, played, recorded

pytestmark = pytest.mark.fault

NAME = "site.db"
LOTS = 4
CHECKPOINT_PAGES = (60, 1000)
Left = tuple[dict[str, str], list[str]]  # the state of each lot, and each broken promise


@dataclass(frozen=True)
class Recording:
    base: bytes
    statements: Statements
    clock: FrozenClock
    after: list[str]
    checked: dict[int, Left] = field(default_factory=dict)

    def tape(self, folder: Path, *, pages: int, **pragmas: str) -> Tape:
        file = folder / NAME
        file.write_bytes(self.base)
        writers = {**engines._SQLITE, **engines._SQLITE_WRITER, **pragmas}
        tape = played(self.statements, file, writers, pages)
        assert content_of(file) == self.after
        return tape


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Lots are received, released and sealed; each is acknowledged when its call has returned."""
    file = tmp_path_factory.mktemp("power") / NAME
    clock = FrozenClock()
    with a_site(f"sqlite:///{file}", clock=clock, packs=["food"]) as site:
        release(site, a_received_lot(site, lot_no="before"))
    with opened(file, clock) as site, recorded(site) as statements:
        # Opening writes as well; the tape begins where that has ended.
        with closing(sqlite3.connect(file)) as source:
            base = source.serialize()
        statements.clear()
        for number in range(LOTS):
            clock.advance(minutes=1)
            lot = a_received_lot(site, lot_no=f"L-{number}")
            statements.append(Ack(f"{lot.lot_no} quarantine"))
            release(site, lot)
            statements.append(Ack(f"{lot.lot_no} released"))
            if number % 2:
                seal(site)
    return Recording(base, statements, clock, content_of(file))


def what_is_lost(recording: Recording, tape: Tape, seed: int, folder: Path) -> list[str]:
    """Cut once, open again; gives each acknowledged act that is gone, each broken promise."""
    files, acts = cut(tape, recording.base, NAME, seed)
    place, twin = folder / f"cut-{seed}", folder / f"twin-{seed}"
    for made in (place, twin):
        made.mkdir()
        for name, content in files.items():
            (made / name).write_bytes(content)
    promised = dict(act.split() for act in acts)
    try:
        states, broken = what_is_left(recording, place, twin)
    except Exception as error:  # damaged rows can fail anywhere
        return [f"cannot be read: {type(error).__name__}: {error}"]
    finally:
        shutil.rmtree(place)
        shutil.rmtree(twin)
    gone = [
        f"{number} was answered to be {state}, is {states.get(number)}"
        for number, state in promised.items()
        if states.get(number) not in (state, "released")
    ]
    return [*gone, *broken]


def what_is_left(recording: Recording, place: Path, twin: Path) -> Left:
    """Open, read, seal and check what a cut has left; many cuts leave the same, checked once.

    Which content it is shows a twin of the files, so that the product meets the cut as it was.
    """
    left = hash(tuple(content_of(twin / NAME)))
    if left not in recording.checked:
        with opened(place / NAME, FrozenClock(recording.clock.at + timedelta(hours=1))) as site:
            with site.store.read() as session:
                rows = session.connection().exec_driver_sql("SELECT lot_no, state FROM lot")
                states = {row[0]: row[1] for row in rows}
            seal(site)
            found = check_database(site, site.system_context())
        recording.checked[left] = states, [str(each.as_json()) for each in found.violations]
    return recording.checked[left]


def seeds(count: int) -> Iterator[tuple[int, int]]:
    return ((seed, CHECKPOINT_PAGES[seed % 2]) for seed in range(count))


def check_cuts(recording: Recording, folder: Path, count: int) -> None:
    tapes = {pages: recording.tape(folder, pages=pages) for pages in CHECKPOINT_PAGES}
    found = {
        seed: lost
        for seed, pages in seeds(count)
        if (lost := what_is_lost(recording, tapes[pages], seed, folder))
    }
    assert found == {}


def test_no_acknowledged_act_is_lost(recording: Recording, tmp_path: Path) -> None:
    check_cuts(recording, tmp_path, 60)


@pytest.mark.slow
def test_no_acknowledged_act_is_lost_in_500_cuts(recording: Recording, tmp_path: Path) -> None:
    check_cuts(recording, tmp_path, 500)


# OFF leaves most files unreadable, NORMAL whole ones from which the last acts are gone.
@pytest.mark.parametrize(("setting", "signs"), [("OFF", ""), ("NORMAL", "was answered to be")])
def test_without_syncs_acts_are_lost(
    recording: Recording, tmp_path: Path, setting: str, signs: str
) -> None:
    """The control: the disk does lose what is not synced, and the check sees it."""
    tape = recording.tape(tmp_path, pages=60, synchronous=setting)
    found = [what_is_lost(recording, tape, seed, tmp_path) for seed in range(12)]
    assert len([lost for lost in found if lost and signs in " ".join(lost)]) >= 1, found


def test_the_tape_has_what_a_cut_can_hit(recording: Recording, tmp_path: Path) -> None:
    tape = recording.tape(tmp_path, pages=60)
    kinds = {(op.kind, op.file) for op in tape if not isinstance(op, Ack)}
    assert {("write", NAME), ("sync", NAME), ("write", f"{NAME}-wal"), ("sync", f"{NAME}-wal")} <= (
        kinds
    )
