"""The sequencer's lease, the log of the instance, and how sealing lag is told."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from qtcore.context import Sources
from qtcore.engines.ledger import Checkpoint, leaf_hash, open_note, read_checkpoint
from qtcore.services.audit import seal
from qtcore.services.sealing import read_sealing
from qtcore.services.site import Site
from qtcore.store.lease import LEASE_FOR, hold_lease, release_lease
from qtcore.store.proofs import find_checkpoint, note_body
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.sealing import INSTANCE, read_frontier, seal_pending
from qtcore.store.signers import Signer
from qtcore.store.store import Store, open_store
from qtcore.store.tables import LedgerCheckpoint, LedgerRoot, LedgerSeal, LedgerTile
from qtcore.testing import FrozenClock, a_registry, seeded_bytes
from tests.attackers import judged, note

# Two processes have no fleeting database in common.
LASTING = pytest.mark.parametrize(
    "store_url", ["file", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
SIGNER = Signer("qtcore/test-1", Ed25519PrivateKey.from_private_bytes(seeded_bytes(1)(32)))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def a_process(url: str, clock: FrozenClock, seed: int) -> Site:
    """A site as one process sees it: its own connections, and its own name as a holder."""
    sources = Sources(now=clock.now, random_bytes=seeded_bytes(seed))
    store = open_store(url, sources=sources, create=True)
    return Site(store, a_registry("food"), sources, SIGNER)


@pytest.fixture
def two(store_url: str, clock: FrozenClock) -> Iterator[tuple[Site, Site]]:
    first = a_process(store_url, clock, 3)
    # On an older SQLite one process writes; a second writer in it stands for the second process.
    second = replace(first, store=replace_holder(first.store, clock))
    if first.store.dialect == "postgresql":
        second = a_process(store_url, clock, 4)
    yield first, second
    first.close()
    if second.store.dialect == "postgresql":
        second.close()


def replace_holder(store: Store, clock: FrozenClock) -> Store:
    other = object.__new__(Store)
    other.__dict__.update(store.__dict__)
    other.holder = "another:process"
    return other


@LASTING
def test_one_process_seals_at_a_time_and_the_next_waits_for_the_lease(
    two: tuple[Site, Site], clock: FrozenClock
) -> None:
    first, second = two
    note(first, "lot-1")
    size = seal(first, keeps_lease=True)
    note(second, "lot-2")
    assert seal(second) == size  # the first holds the lease: nothing was sealed
    assert read_sealing(second).holder == first.store.holder
    clock.advance(seconds=LEASE_FOR.total_seconds() + 1)
    assert seal(second) == size + 1
    assert judged(second).ok


@LASTING
def test_a_lease_that_was_given_back_is_free_at_once(two: tuple[Site, Site]) -> None:
    first, second = two
    with first.store.plumbing() as session:
        assert hold_lease(session, first.store)
    with second.store.plumbing() as session:
        assert not hold_lease(session, second.store)
    release_lease(second.store)  # not his to give
    with second.store.plumbing() as session:
        assert not hold_lease(session, second.store)
    release_lease(first.store)
    with second.store.plumbing() as session:
        assert hold_lease(session, second.store)


@LASTING
def test_sequencers_that_race_seal_everything_once(
    two: tuple[Site, Site], clock: FrozenClock
) -> None:
    notes = 60
    for at in range(notes):
        note(two[at % 2], f"lot-{at}")

    def work(site: Site) -> None:
        for _ in range(12):
            seal_pending(site.store, SIGNER, limit=3)
            clock.advance(seconds=20)  # so that leases run out amid the race

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [*two, *two]))
    clock.advance(seconds=60)
    seal(two[0])
    with two[0].store.read() as session:
        tenant = two[0].store.tenant_id
        seals = session.exec(select(LedgerSeal.seq).where(LedgerSeal.tenant_id == tenant)).all()
        sizes = session.exec(
            select(LedgerCheckpoint.size).where(LedgerCheckpoint.tenant_id == tenant)
        ).all()
        assert sorted(seals) == list(range(sealed_up_to(session, tenant)))
    assert len(seals) == notes
    assert len(set(sizes)) == len(sizes)
    assert judged(two[0]).ok


def test_each_signed_state_stands_in_the_log_of_the_instance(store: Store) -> None:
    site = Site(store, a_registry("food"), store.sources, SIGNER)
    for at in range(5):
        note(site, f"lot-{at}")
        seal_pending(store, SIGNER)
    with store.read() as session:
        own = session.exec(
            select(LedgerCheckpoint).where(LedgerCheckpoint.tenant_id == store.tenant_id)
        ).all()
        places = {row.size: row.seq for row in session.exec(select(LedgerRoot))}
        leaves = {
            tile.index: bytes(tile.hash)
            for tile in session.exec(
                select(LedgerTile).where(LedgerTile.tenant_id == INSTANCE, LedgerTile.level == 0)
            )
        }
        newest = find_checkpoint(session, INSTANCE)
        root = read_frontier(session, INSTANCE, 5).root
    assert newest is not None
    opened = read_checkpoint(open_note(newest.note, [SIGNER.key]).body)
    assert opened == Checkpoint("qtcore/test-1/instance", 5, root)
    for checkpoint in own:
        body = note_body(checkpoint.note).encode()
        assert leaves[places[checkpoint.size]] == leaf_hash(body)


def test_companies_have_logs_of_their_own_in_one_instance(store: Store) -> None:
    other = object.__new__(Store)
    other.__dict__.update(store.__dict__)
    other.tenant_id, other.tenant_uid = 2, "0192f0c1-0000-7000-8000-000000000002"
    sites = [Site(each, a_registry("food"), store.sources, SIGNER) for each in (store, other)]
    for site in sites:
        note(site, "lot-1")
        note(site, "lot-2")
        seal(site)
    for site in sites:
        verdict = judged(site)
        assert (verdict.ok, verdict.size) == (True, 2)
    with store.read() as session:
        mine, theirs = (find_checkpoint(session, tenant) for tenant in (1, 2))
        instance = find_checkpoint(session, INSTANCE)
    assert mine is not None and theirs is not None and instance is not None
    assert read_checkpoint(note_body(mine.note)).origin == "qtcore/test-1"
    assert read_checkpoint(note_body(theirs.note)).origin == f"qtcore/test-1/{other.tenant_uid}"
    assert instance.size == 2


def test_an_entry_that_waits_for_a_minute_is_an_alarm(store_url: str, clock: FrozenClock) -> None:
    site = a_process(store_url, clock, 5)
    assert read_sealing(site).lag == timedelta(0)
    note(site, "lot-1")
    clock.advance(seconds=59)
    note(site, "lot-2")
    state = read_sealing(site)
    assert (state.pending, state.lag.total_seconds(), state.is_late) == (2, 59, False)
    clock.advance(seconds=2)
    assert read_sealing(site).is_late
    seal(site)
    state = read_sealing(site)
    assert (state.pending, state.lag, state.is_late) == (0, timedelta(0), False)
    site.close()


def test_sealing_in_one_act_ends_while_others_go_on_writing(
    store_url: str, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = a_process(store_url, clock, 3)
    note(site, "first")
    rounds: list[int] = []

    def sealed_one(*of: object) -> object:
        """Between two rounds somebody writes: this never stops by itself."""
        rounds.append(1)
        made = seal_pending(*of, limit=1)  # type: ignore[arg-type]
        note(site, f"lot-{len(rounds)}")
        return made if len(rounds) < 50 else None

    monkeypatch.setattr("qtcore.services.audit.seal_pending", sealed_one)
    assert seal(site) == 1
    assert len(rounds) == 1
    site.close()
