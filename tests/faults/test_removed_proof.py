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


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        ("UPDATE ledger_tile SET hash = zeroblob(32) WHERE tenant_id = 1", "signs another tree"),
        (
            "UPDATE ledger_checkpoint SET note = replace(note, 'qtcore/test-1', 'qtcore/test-2')",
            "is not ours",
        ),
    ],
    ids=["another tree", "another signer"],
)
def test_nothing_is_signed_on_top_of_a_tree_that_we_did_not_sign(
    file: Path, attack: str, said: str
) -> None:
    _attack(file, attack)
    with opened(file) as site:
        note(site, "lot-1")
        with pytest.raises(QTCoreError, match=said) as caught:
            seal(site)
    assert caught.value.code == "QT605"


def test_a_database_of_another_site_is_named_and_not_signed_on(file: Path, tmp_path: Path) -> None:
    """The whole database is put in the place of ours; the key folder is ours."""
    other = tmp_path / "other.db"
    with a_site(f"sqlite:///{other}", seed=7) as site:
        a_received_lot(site)
        seal(site)
    assert {kind for kind, _ in found(other)} == {"BAD_SIGNATURE", "NOT_IN_INSTANCE"}
    with opened(other) as site:
        note(site, "lot-1")
        with pytest.raises(QTCoreError, match="is not ours"):
            seal(site)
