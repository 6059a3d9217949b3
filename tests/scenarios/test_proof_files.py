"""An inspector gets a file, the verifier and a key, and nothing else."""

import base64
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.engines import ledger
from qtcore.errors import Denied, InputRejected, NotFound, QTCoreError
from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal
from qtcore.services.proving import Asked, export_history, offline_verifier, prove_lot
from qtcore.services.site import Site, open_site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import a_context, a_made_lot, a_received_lot, a_site, release

Document = dict[str, Any]
Bend = Callable[[Document], object]
THIEF = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)


class Plant:
    """Two milks and a cheese of the first one; sealed twice, the second time after the release."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.auditor = a_context(site, ("auditor",))
        self.milk = a_received_lot(site, lot_no="M-1")
        self.other = a_received_lot(site, lot_no="M-2")
        self.half = seal(site)
        release(site, self.milk)
        self.cheese = a_made_lot(site, "CHEESE", "C-1", [(self.milk, "10")])
        site.store.note(self.auditor, "look", "lot", self.milk.uid, reason="\x1b[2J\nPASS  all")
        self.size = seal(site)
        self.vkey = ledger.key_of(site.signer.name, site.signer.private_key).vkey

    def proof(self, lot: NodeInfo | None = None, **asked: Any) -> Document:
        uid = (lot or self.milk).uid
        return prove_lot(self.site, self.auditor, uid, Asked(**asked)).as_json()

    def export(self, first: int = 0, last: int | None = None, **asked: Any) -> Document:
        made = export_history(self.site, self.auditor, first=first, last=last, asked=Asked(**asked))
        return made.as_json()


@pytest.fixture(scope="module")
def plant() -> Iterator[Plant]:
    with a_site(packs=["food"]) as site:
        yield Plant(site)


@pytest.fixture
def judged(plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(document: Document | bytes, *options: str, key: str | None = None) -> tuple[int, str]:
        file = tmp_path / "proof.json"
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        file.write_bytes(content)
        keys = ["--key", key or plant.vkey] if key != "" else []
        code = qtcore_verify.main([str(file), *keys, *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def heads(document: Document) -> list[Document]:
    return [json.loads(base64.b64decode(each["head"])) for each in document["events"]]


def test_the_file_of_a_lot_holds_without_qtcore_or_a_database(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text(offline_verifier(), encoding="utf-8")
    (tmp_path / "proof.json").write_text(json.dumps(plant.proof()), encoding="utf-8")
    without = "import sys, runpy; sys.modules['qtcore'] = None; sys.modules['sqlalchemy'] = None; "
    run = f"{without}sys.argv = sys.argv[1:]; runpy.run_path('v.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", run, "v.py", "proof.json", "--key", plant.vkey],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "HOLDS"
    for shown in ("lot.transition", "'quarantine' -> 'released'", "Qp / qp", "roles qp"):
        assert shown in done.stdout


def test_it_holds_what_names_the_lot_and_nothing_else(plant: Plant) -> None:
    document = plant.proof()
    for head in heads(document):
        assert plant.milk.uid in {head["object"]["id"], *head["about"]}
        assert plant.other.uid not in json.dumps(head)
    everything = heads(plant.export())
    named = [h for h in everything if plant.milk.uid in {h["object"]["id"], *h["about"]}]
    assert [h["id"] for h in heads(document)] == [h["id"] for h in named]
    assert plant.cheese.uid in json.dumps(heads(document))  # one event names both


def test_personal_values_can_stay_at_home(plant: Plant, judged) -> None:
    document = plant.proof(personal=False)
    assert "Qp" not in json.dumps(document, ensure_ascii=False)
    code, said = judged(document)
    assert code == 0
    assert "actor_name: withheld" in said


def test_signs_that_steer_a_terminal_are_shown_and_never_sent(plant: Plant, judged) -> None:
    code, said = judged(plant.proof())
    assert code == 0
    assert "\\u001b[2J\\u000aPASS  all" in said
    assert "\x1b" not in said


def test_without_a_key_the_verdict_says_loudly_that_it_trusts_the_file(
    plant: Plant, judged
) -> None:
    code, said = judged(plant.proof(), key="")
    assert code == 0
    assert "NO KEY WAS GIVEN" in said
    assert said.splitlines()[-1] == "HOLDS BY THE FILE'S OWN KEY ONLY"


def test_an_older_state_that_was_kept_is_proven_to_be_continued(plant: Plant, judged) -> None:
    document = plant.proof(checkpoint=plant.half)
    assert {event["seq"] < plant.half for event in document["events"]} == {True, False}
    root = base64.b64decode(document["checkpoint"].split("\n")[2]).hex()
    code, said = judged(document, "--size", str(plant.half), "--root", root)
    assert code == 0
    assert "are those you have kept" in said
    code, said = judged(document, "--size", str(plant.half), "--root", "0" * 64)
    assert code == 1
    assert "ROOT_FORK" in said
    code, said = judged(document, "--size", "3", "--root", root)
    assert code == 1
    assert "NOT_COMPARED" in said
    assert "--checkpoint 3" in said


def test_the_export_of_all_proves_that_nothing_is_missing(plant: Plant, judged) -> None:
    code, said = judged(plant.export())
    assert code == 0
    assert f"PASS  {plant.size} events are in the log" in said
    assert "the range is complete" in said


def _edit_head(document: Document, old: bytes = b"released", new: bytes = b"rejected") -> None:
    for event in document["events"]:
        head = base64.b64decode(event["head"])
        event["head"] = base64.b64encode(head.replace(old, new)).decode()


def _forge_name(document: Document) -> None:
    document["events"][-1]["private"]["actor_name"]["value"] = "Somebody Else"


def _invent_field(document: Document) -> None:
    kept = copy.deepcopy(document["events"][-1]["private"]["actor_name"])
    document["events"][-1]["private"]["nickname"] = kept


def _grow_checkpoint(document: Document) -> None:
    note = document["newest"]["checkpoint"]
    origin, size, rest = note.split("\n", 2)
    bigger = f"{origin}\n{int(size) + 1}\n{rest}"
    document["newest"]["checkpoint"] = document["checkpoint"] = bigger


def _sign_by_thief(document: Document) -> None:
    origin, size, root, *_ = document["checkpoint"].split("\n")
    forged = ledger.sign_note(f"{origin}\n{size}\n{root}\n", origin, THIEF)
    document["checkpoint"] = document["newest"]["checkpoint"] = forged
    document["vkeys"] = [ledger.key_of(origin, THIEF).vkey]


def _move(document: Document) -> None:
    document["events"][-1]["seq"] -= 1


BENT: dict[str, tuple[Bend, str]] = {
    "word of an event": (_edit_head, "NOT_INCLUDED"),
    "blank in an event": (lambda d: _edit_head(d, b'":', b'" :'), "NOT_CANONICAL"),
    "place of an event": (_move, "NOT_INCLUDED"),
    "step of a proof": (lambda d: d["events"][0]["inclusion"].pop(), "NOT_INCLUDED"),
    "empty step": (lambda d: d["events"][0]["inclusion"].append(""), "NOT_INCLUDED"),
    "negative place": (lambda d: d["events"][0].update(seq=-1), "NOT_INCLUDED"),
    "name of who acted": (_forge_name, "COMMITMENT_MISMATCH"),
    "field never promised": (_invent_field, "COMMITMENT_MISMATCH"),
    "event there twice": (lambda d: d["events"].append(d["events"][-1]), "GAP"),
    "event left out": (lambda d: d["events"].pop(3), "GAP"),
    "range said to be shorter": (lambda d: d["about"].update(to=5), "GAP"),
    "checkpoint": (_grow_checkpoint, "BAD_SIGNATURE"),
    "checkpoint of a thief": (_sign_by_thief, "BAD_SIGNATURE"),
}


@pytest.mark.parametrize(("bend", "kind"), BENT.values(), ids=BENT)
def test_a_bent_file_is_called_by_its_name(plant: Plant, judged, bend: Bend, kind: str) -> None:
    document = plant.export()
    bend(document)
    code, said = judged(document, "--verdict")
    assert code == 1
    assert f"FAIL  {kind}: " in said
    assert said.splitlines()[-1] == "DOES NOT HOLD"


def test_a_thief_is_believed_only_where_no_key_was_brought(plant: Plant, judged) -> None:
    document = plant.export()
    _sign_by_thief(document)
    document["instance"] = []
    assert judged(document, key="")[0] == 0
    assert judged(document)[0] == 1


def test_an_event_of_another_lot_is_foreign_to_the_file(plant: Plant, judged) -> None:
    document = plant.proof()
    document["events"] = plant.proof(plant.other)["events"]
    code, said = judged(document)
    assert code == 1
    assert "FAIL  FOREIGN_EVENT: " in said


def test_a_file_of_another_log_is_of_another_log(plant: Plant, judged) -> None:
    code, said = judged(plant.proof(), "--log", "plant.example/other")
    assert code == 1
    assert "FAIL  ORIGIN_MISMATCH: " in said


def test_two_pasts_under_one_key_are_not_consistent(plant: Plant, judged) -> None:
    document = plant.proof(checkpoint=plant.half)
    origin, size, _, *_ = document["checkpoint"].split("\n")
    root = base64.b64encode(bytes(32)).decode()
    key = plant.site.signer.private_key
    document["checkpoint"] = ledger.sign_note(f"{origin}\n{size}\n{root}\n", origin, key)
    code, said = judged(document)
    assert code == 1
    assert "FAIL  NOT_CONSISTENT: " in said


NO_PROOF: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda _: "",
    "cut short": lambda t: t[:-9],
    "key twice": lambda t: t.replace('"not_sealed"', '"not_sealed": 0, "not_sealed"', 1),
    "unknown key": lambda t: t.replace('"not_sealed"', '"verdict": "ok", "not_sealed"', 1),
    "missing key": lambda t: t.replace('"not_sealed": 0,', "", 1),
    "newer format": lambda t: t.replace("qtcore-proof/2", "qtcore-proof/9", 1),
    "fraction": lambda t: t.replace('"not_sealed": 0', '"not_sealed": 0.0', 1),
    "truth for a number": lambda t: t.replace('"not_sealed": 0', '"not_sealed": false', 1),
    "not a number": lambda t: t.replace('"not_sealed": 0', '"not_sealed": NaN', 1),
    "endless number": lambda t: t.replace('"not_sealed": 0', f'"not_sealed": {"9" * 5000}', 1),
    "lone surrogate": lambda t: t.replace("qtcore-proof", "\\ud800", 1),
    "not UTF-8": lambda t: t.encode() + b"\xff",
    "deep": lambda _: "[" * 100_000,
    "list": lambda _: "[]",
    "base64 with a blank": lambda t: t.replace('"head": "', '"head": " ', 1),
    "key mistyped": lambda t: t.replace('"qtcore/test-1+', '"qtcore/test-2+', 1),
    "signature line bent": lambda t: t.replace("\\u2014 qtcore", "- qtcore"),
}


@pytest.mark.parametrize("bend", NO_PROOF.values(), ids=NO_PROOF)
def test_what_is_no_proof_file_is_not_judged(plant: Plant, judged, bend) -> None:
    bent = bend(json.dumps(plant.export(last=3)))
    code, said = judged(bent if isinstance(bent, bytes) else bent.encode())
    assert code == 2
    assert said.startswith("CANNOT BE JUDGED: ")
    assert len(said) < 2000


@pytest.mark.parametrize(
    "options",
    [("--size", "3"), ("--root", "00"), ("--size", "3", "--root", "xyz"), ("--key", "a+b+c")],
    ids=["size alone", "root alone", "root not hex", "key not a key"],
)
def test_options_that_mean_nothing_are_refused(plant: Plant, judged, options) -> None:
    code, said = judged(plant.proof(), *options)
    assert code == 2
    assert "CANNOT BE JUDGED" in said


def test_who_may_not_read_the_ledger_gets_no_proof(plant: Plant) -> None:
    stranger = a_context(plant.site, ("warehouse",))
    with pytest.raises(Denied, match="may not do this"):
        prove_lot(plant.site, stranger, plant.milk.uid)
    with pytest.raises(Denied, match="may not do this"):
        export_history(plant.site, stranger)


def test_a_range_or_state_that_is_not_there_is_refused_with_what_is(plant: Plant) -> None:
    with pytest.raises(InputRejected, match=f"accepted are 0 to {plant.size - 1}"):
        plant.export(first=5, last=plant.size)
    with pytest.raises(InputRejected, match=f"newest are of {plant.size}, {plant.half}"):
        plant.proof(checkpoint=3)


def test_what_is_not_sealed_is_counted_and_not_proven() -> None:
    with a_site(packs=["food"]) as site:
        auditor = a_context(site, ("auditor",))
        lot = a_received_lot(site)
        with pytest.raises(QTCoreError, match="nothing is sealed yet"):
            prove_lot(site, auditor, lot.uid)
        seal(site)
        late = a_received_lot(site, lot_no="M-9")
        release(site, lot)
        with pytest.raises(NotFound, match="1 wait for their seal"):
            prove_lot(site, auditor, late.uid)
        assert prove_lot(site, auditor, lot.uid).not_sealed == 2


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE ledger_event SET head = replace(head, 'receive', 'deliver')", "at event"),
        ("UPDATE ledger_tile SET hash = zeroblob(32) WHERE level = 1", "root"),
        ("DELETE FROM ledger_tile WHERE level = 1", "lacks the subtree"),
        ("DELETE FROM ledger_seal WHERE seq = 4", "some are missing"),
        ("UPDATE ledger_checkpoint SET note = replace(note, 'test', 'best')", "checkpoints"),
    ],
    ids=["content", "tree", "tree with a hole", "gap", "note"],
)
def test_a_damaged_history_hands_out_no_proof(tmp_path: Path, damage: str, said: str) -> None:
    with a_site(f"sqlite:///{tmp_path / 'site.db'}", packs=["food"]) as site:
        a_received_lot(site)
        seal(site)
        with site.store.plumbing() as session:
            for (name,) in session.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).all():
                session.execute(text(f'DROP TRIGGER "{name}"'))
            session.execute(text(damage))
        with pytest.raises(QTCoreError, match=said) as found:
            export_history(site, a_context(site, ("auditor",)))
    assert found.value.code in ("QT602", "QT603")


def test_the_command_line_writes_file_and_verifier(tmp_path: Path, capsys) -> None:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    site = open_site(url, create=True)
    uid = a_received_lot(site).uid
    seal(site)
    site.close()
    proof, verifier = tmp_path / "proof.json", tmp_path / "v.py"
    run = CliRunner().invoke
    done = run(app, ["audit", "prove", uid, "--db", url, "--out", str(proof), "--json"])
    assert done.exit_code == 0, done.output
    (vkey,) = json.loads(done.output)["vkeys"]
    assert run(app, ["audit", "verifier", "--out", str(verifier)]).exit_code == 0
    assert verifier.read_text(encoding="utf-8") == offline_verifier()
    assert qtcore_verify.main([str(proof), "--key", vkey]) == 0
    done = run(app, ["audit", "export", "--db", url, "--from", "0", "--to", "99"])
    assert done.exit_code == 1
    assert "accepted are 0 to" in done.output
