"""The log of the instance, in which every company's states stand: what was changed in it is named.

It must not go through the product where it attacks, as in `test_attacks`.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attackers import Dba, Kept, found

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("instance") / "original.db")


@pytest.fixture
def file(original: Kept, tmp_path: Path) -> Path:
    return Path(shutil.copy(original.file, tmp_path / "site.db"))


@pytest.fixture
def dba(file: Path) -> Iterator[Dba]:
    made = Dba(file)
    yield made
    made.db.close()


def test_the_log_of_the_instance_is_checked_with_the_history(dba: Dba, file: Path) -> None:
    assert found(file) == []
    dba.all("DELETE FROM ledger_root WHERE seq = (SELECT max(seq) FROM ledger_root)")
    assert {kind for kind, _ in found(file)} == {"NOT_IN_INSTANCE"}


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE ledger_root SET seq = seq + 100 WHERE seq = 0",
        "UPDATE ledger_checkpoint SET note = replace(note, '/instance', '/instances') "
        "WHERE tenant_id = 0",
        "DELETE FROM ledger_checkpoint WHERE tenant_id <> 0 AND size = (SELECT min(size) FROM "
        "ledger_checkpoint WHERE tenant_id <> 0)",
        "UPDATE ledger_checkpoint SET root = zeroblob(32), note = (SELECT note FROM "
        "ledger_checkpoint WHERE tenant_id = 0 AND size = 1) WHERE tenant_id = 0 AND size = 2",
    ],
    ids=["moved", "other size", "checkpoint gone", "older state"],
)
def test_a_changed_log_of_the_instance_is_named(dba: Dba, file: Path, attack: str) -> None:
    dba.all(attack)
    assert "NOT_IN_INSTANCE" in {kind for kind, _ in found(file)}
