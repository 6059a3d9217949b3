"""`qtcore epcis hash` prints the standard's hash of each event and stores nothing."""

import json
from pathlib import Path

from typer.testing import CliRunner

from qtcore.cli.main import app

RUNNER = CliRunner()


def test_the_hashes_are_those_of_the_reference_files(shared_data: Path) -> None:
    folder = shared_data / "epcis/event-hash"
    for path in [*folder.glob("*.jsonld"), *folder.glob("*.xml")]:
        found = RUNNER.invoke(app, ["epcis", "hash", str(path)])
        assert found.exit_code == 0
        assert found.output.split() == path.with_suffix(".hashes").read_text().split()


def test_a_document_with_a_fault_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<!DOCTYPE a><a/>")
    found = RUNNER.invoke(app, ["epcis", "hash", str(path), "--json"])
    assert found.exit_code == 1
    (fault,) = json.loads(found.output)["faults"]
    assert fault["code"] == "QT711"
    assert fault["where"].startswith("x.xml#line 1")
