from pathlib import Path

import pytest

from qtcore.errors import QTCoreError
from qtcore.services.audit import seal
from qtcore.testing import a_received_lot, a_site
from tests.attackers import Dba, found, note, opened

LEDGER = ("about", "private", "pending", "seal", "tile", "checkpoint", "event")


def _attack(file: Path, *statements: str) -> None:
    attacker = Dba(file)
    for statement in statements:
        attacker.all(statement)
    attacker.db.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "plant.db"
    with a_site(f"sqlite:///{place}") as site:
        a_received_lot(site)
        seal(site)
    return place


def test_without_an_attack_nothing_is_found(file: Path) -> None:
    assert found(file) == []


def test_removed_checkpoints_are_named(file: Path) -> None:
    _attack(file, "DELETE FROM ledger_checkpoint")
    assert [kind for kind, _ in found(file)] == ["NOT_SIGNED", "NOT_IN_INSTANCE"]


def test_nothing_is_signed_on_top_of_a_tree_without_its_signature(file: Path) -> None:
    _attack(file, "DELETE FROM ledger_checkpoint")
    with opened(file) as site:
        note(site, "lot-1")
        with pytest.raises(QTCoreError, match="its newest checkpoint signs 0") as caught:
            seal(site)
    assert caught.value.code == "QT605"


def test_an_emptied_ledger_is_named_by_the_events_it_no_longer_tells_of(file: Path) -> None:
    _attack(file, *(f"DELETE FROM ledger_{name}" for name in LEDGER))
    assert [kind for kind, _ in found(file)] == ["GAP", "NOT_IN_INSTANCE"]
