"""The services, driven at random through crashes, a second instance, bad packs and clock jumps.

The model knows what was answered; after each fault the check of the invariants knows the rest.
"""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlmodel import select

from qtcore.context import Sources
from qtcore.errors import Refused
from qtcore.pack import LotFacts, Refusal, hookimpl
from qtcore.registry.hooks import Hooks
from qtcore.services.audit import seal, verify_history
from qtcore.services.integrity.fsck import check_database
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store import engines
from qtcore.store.signers import Signer
from qtcore.store.store import open_store
from qtcore.store.tables import Lot
from qtcore.testing import (
    PASSWORD,
    FrozenClock,
    a_received_lot,
    a_registry,
    a_site,
    a_user,
    seeded_bytes,
)
from tests.attackers import KEY, ORIGIN

pytestmark = pytest.mark.fault

JUMPS = [
    timedelta(minutes=1),
    timedelta(hours=1),  # into and out of summer time
    timedelta(days=400),
    timedelta(days=638),  # from the first day on: 29 February 2028
    timedelta(days=-3),
    timedelta(days=-400),
]


class Fickle:
    """A pack that judges, or fails, as it is told."""

    def __init__(self) -> None:
        self.does = "agree"

    @hookimpl
    def judge_release(self, lot: LotFacts) -> list[Refusal]:
        if self.does == "raise":
            raise RuntimeError("not today")
        if self.does == "object":
            return [Refusal("F-1", "no")]
        if self.does == "mutate":
            lot.fields["x"] = 1  # type: ignore[index]  # frozen, as the pack finds out
        return [7] if self.does == "lie" else []  # type: ignore[list-item]


class Machine(RuleBasedStateMachine):
    """One company, its lots, and all that may happen to the processes that serve it."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock, self.pack, self.opened = FrozenClock(), Fickle(), 0
        self.states: dict[str, str] = {}
        self.expiries: dict[str, date] = {}
        self.went_back = False
        self.file = Path(self.folder.name, "site-0.db")
        shutil.copy(self.template, self.file)
        self.sites = [self.open()]

    def open(self) -> Site:
        self.opened += 1
        sources = Sources(now=self.clock.now, random_bytes=seeded_bytes(1000 + self.opened))
        registry = replace(a_registry("food"), hooks=Hooks({"fickle": self.pack}))
        store = open_store(f"sqlite:///{self.file}", sources=sources)
        return Site(store, registry, sources, Signer(ORIGIN, KEY))

    @rule(at=st.integers(0, 1))
    def receive(self, at: int) -> None:
        number = f"L-{len(self.states)}"
        self.expiries[number] = self.clock.at.date() + timedelta(days=365)
        a_received_lot(self.site(at), lot_no=number, expiry_on=self.expiries[number])
        self.states[number] = "quarantine"

    @precondition(lambda self: self.states)
    @rule(
        data=st.data(),
        at=st.integers(0, 1),
        does=st.sampled_from(["agree", "raise", "object", "mutate", "lie"]),
    )
    def release(self, data: st.DataObject, at: int, does: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.states)))
        site, self.pack.does = self.site(at), does
        person = a_user(site, ["qp"], login="petra")
        step = Step("release", password=PASSWORD)
        fresh = self.clock.at.date() <= self.expiries[number]
        may = does == "agree" and self.states[number] == "quarantine" and fresh
        try:
            fire_transition(site, person, ("lot", f"{number}"), step)
            assert may
            self.states[number] = "released"
        except Refused:
            assert not may

    @rule(at=st.integers(0, 1))
    def seal(self, at: int) -> None:
        seal(self.site(at))

    @rule(jump=st.sampled_from(JUMPS))
    def set_the_clock(self, jump: timedelta) -> None:
        self.clock.at += jump
        self.went_back |= jump < timedelta(0)

    @rule()
    def start_a_second_instance(self) -> None:
        if len(self.sites) == 1:
            self.sites.append(self.open())

    @rule()
    def crash_and_reopen(self) -> None:
        """What lies on the disk at this moment is all that the next process finds."""
        before = self.file
        self.file = before.with_name(f"site-{self.opened}.db")
        for end in ("", "-wal"):
            if Path(f"{before}{end}").exists():
                shutil.copy(f"{before}{end}", f"{self.file}{end}")
        self.teardown_sites()
        self.sites = [self.open()]
        self.check()

    @invariant()
    def what_was_answered_is_there(self) -> None:
        with self.site(0).store.read() as session:
            found = {lot.lot_no: lot.state for lot in session.exec(select(Lot))}
        assert found == self.states

    def site(self, at: int) -> Site:
        return self.sites[at % len(self.sites)]

    def check(self) -> None:
        """Seal what waits: no invariant is broken but that of a clock that was set back."""
        site = self.site(0)
        seal(site)
        broken = {each.invariant for each in check_database(site, site.system_context()).violations}
        assert broken <= ({"I9"} if self.went_back else set())
        assert verify_history(site, site.system_context()).verdict.ok

    def teardown_sites(self) -> None:
        for site in self.sites:
            site.close()

    def teardown(self) -> None:
        self.check()
        self.teardown_sites()
        self.folder.cleanup()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Machine]:
    file = tmp_path / "template.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as site:
        a_user(site, ["qp"], login="petra")
    # As with a library that lets two processes write.
    monkeypatch.setattr(engines, "needs_single_writer", lambda version: False)
    return type("Machine", (Machine,), {"template": file})


@pytest.mark.parametrize(
    ("examples", "steps"), [(4, 12), pytest.param(150, 40, marks=pytest.mark.slow)]
)
def test_no_sequence_of_acts_and_faults_breaks_a_promise(
    machine: type[Machine], examples: int, steps: int
) -> None:
    run_machine(machine, settings=settings(max_examples=examples, stateful_step_count=steps))


@pytest.fixture
def log_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = shutil.copy
    monkeypatch.setattr(
        "tests.faults.test_stateful.shutil.copy",
        lambda one, two: None if str(one).endswith("-wal") else copied(one, two),
    )


@pytest.mark.usefixtures("log_is_left_behind")
def test_the_machine_sees_an_act_that_is_lost_in_a_crash(machine: type[Machine]) -> None:
    """The control: with the log left behind, an acknowledged act is gone, and it says so."""
    run = machine()
    run.receive(at=0)
    run.what_was_answered_is_there()
    run.crash_and_reopen()
    with pytest.raises(AssertionError):
        run.what_was_answered_is_there()
    run.teardown_sites()
    run.folder.cleanup()


@pytest.mark.slow
@pytest.mark.usefixtures("log_is_left_behind")
def test_random_sequences_find_an_act_that_is_lost_in_a_crash(machine: type[Machine]) -> None:
    with pytest.raises(AssertionError):
        run_machine(
            machine,
            settings=settings(max_examples=40, stateful_step_count=10, phases=[Phase.generate]),
        )
