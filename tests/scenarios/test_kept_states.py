"""A state that somebody kept, compared with the history, also one that was never signed.

And what is refused when a history is not intact (QT603).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from qtcore.engines.ledger import EMPTY_ROOT
from qtcore.errors import InputRejected, QTCoreError
from qtcore.services.audit import seal
from qtcore.services.proving import Asked, export_history, prove_lot
from qtcore.services.retention import archive_history
from qtcore.services.site import Site
from qtcore.store.sealing import read_frontier
from qtcore.testing import FrozenClock, a_received_lot, a_site
from tests.attackers import Dba, judged, kinds_of, note, opened

WRONG = "00" * 32


@pytest.fixture(scope="module")
def roots() -> dict[int, str]:
    """The root of every size of the history, signed or not."""
    return {}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "site.db"


@pytest.fixture(scope="module")
def site(file: Path, roots: dict[int, str]) -> Iterator[Site]:
    """A site with states of 4 and 8 events and more, of which the first five are archived."""
    clock = FrozenClock()
    with a_site(f"sqlite:///{file}", clock=clock, packs=["food"]) as made:
        for at in range(3):
            note(made, f"lot-{at}")
        seal(made)
        clock.advance(days=3)
        a_received_lot(made)
        size = seal(made)
        with made.store.read() as session:
            for at in range(size + 1):
                roots[at] = read_frontier(session, made.store.tenant_id, at).root.hex()
        before, old = clock.at - timedelta(days=1), file.with_name("old.json")
        archive_history(made, made.system_context(), before, old)
        seal(made)
        yield made


def archived(site: Site) -> int:
    made = export_history(site, site.system_context())
    return int(made.about["from"])


def test_every_size_of_the_history_is_compared_signed_or_not(
    site: Site, roots: dict[int, str]
) -> None:
    start = archived(site)
    assert 2 <= start < len(roots) - 1
    assert roots[0] == EMPTY_ROOT.hex()
    for size, root in roots.items():
        assert judged(site, (size, root)).ok, size
        assert judged(site, (size, root.upper())).ok, size
        assert [kind for kind, _ in kinds_of(judged(site, (size, WRONG)))] == ["ROOT_FORK"], size


def test_a_size_that_was_never_reached_is_shorter_than_what_was_kept(site: Site) -> None:
    sealed = judged(site).size
    for size in (sealed + 1, (1 << 63) - 1):
        assert kinds_of(judged(site, (size, WRONG))) == [("SHORTER_THAN_WITNESS", sealed)]


@pytest.mark.parametrize(
    "state",
    [(-1, WRONG), (1 << 63, WRONG), (3, "xyz"), (3, ""), (3, WRONG[2:]), (3, WRONG + "00")],
    ids=["below nothing", "beyond all", "no hex", "empty", "short", "long"],
)
def test_what_is_no_state_at_all_is_refused(site: Site, state: tuple[int, str]) -> None:
    with pytest.raises(InputRejected, match="are no state of a log"):
        judged(site, state)


@pytest.mark.parametrize("size", [-1, 0, 1, 1 << 40])
def test_a_proof_against_a_state_that_was_not_signed_names_those_that_were(
    site: Site, size: int
) -> None:
    with pytest.raises(InputRejected, match=r"no checkpoint of .* the newest are of \d+, \d+"):
        prove_lot(site, site.system_context(), "M-1", Asked(checkpoint=size))


SEALED = "(SELECT event_id FROM ledger_seal ORDER BY seq DESC LIMIT 1)"
DAMAGED = {
    "a content": (f"UPDATE ledger_event SET head = x'7b7d' WHERE id = {SEALED}", "at event"),
    "a subtree": ("UPDATE ledger_tile SET hash = zeroblob(32) WHERE tenant_id = 1", "at event"),
    "a root": ("UPDATE ledger_checkpoint SET root = zeroblob(32)", "at event"),
    "a signature": ("UPDATE ledger_checkpoint SET note = replace(note, '=', '')", "checkpoints"),
    "a personal value": (
        f"UPDATE ledger_private SET value = 'Eve' WHERE event_id = {SEALED}",
        "is not what the event committed to",
    ),
    "an entry gone": (f"DELETE FROM ledger_event WHERE id = {SEALED}", "some are missing"),
}


@pytest.mark.parametrize(("statement", "said"), DAMAGED.values(), ids=DAMAGED)
def test_no_proof_is_made_of_a_history_that_is_not_intact(
    file: Path, site: Site, tmp_path: Path, statement: str, said: str
) -> None:
    export_history(site, site.system_context())  # it can be made before
    copy = tmp_path / "site.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as to:
        source.backup(to)
    dba = Dba(copy)
    dba.all(statement)
    dba.db.close()
    with opened(copy) as bent:
        with pytest.raises(QTCoreError, match=said) as caught:
            export_history(bent, bent.system_context())
        assert caught.value.code == "QT603"
        assert "run `qtcore audit verify` and `qtcore db fsck`" in caught.value.message
