import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.proofs import Proof
from qtcore.registry.load import check_packs, load_registry
from qtcore.registry.merge import Entry
from qtcore.registry.proofs import Ground, prove_entry
from qtcore.registry.verification import verify_workflows

BROKEN = Path(__file__).resolve().parent.parent / "broken"
PATHS = sorted(file.parent.name for file in BROKEN.glob("*/expected_path.txt"))


_WITH_PATH = {"QT310", "QT311", "QT320"}


@pytest.fixture(scope="module")
def registry():
    return load_registry().get_registry()


def prove(registry: Any, name: str, body: dict[str, Any] | None = None) -> dict[str, Proof]:
    """Prove a shipped workflow, or an edited one in its place."""
    entry = registry._merged.entries["workflows"][name]
    if body is not None:
        flow = WorkflowDefinition.model_validate(body)
        entry = Entry(entry.pack, replace(entry.located, definition=flow))
    report = prove_entry(Ground(registry._merged, registry._expressions), entry)
    assert report is not None
    return {proof.claim.id: proof for proof in report.proofs}


def body_of(registry: Any, name: str) -> dict[str, Any]:
    dumped = registry.get("workflows", name).model_dump(by_alias=True, exclude_none=True)
    body: dict[str, Any] = json.loads(json.dumps(dumped, default=str))
    return body


def step_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in body["transitions"] if step["id"] == name)


@pytest.mark.parametrize("name", PATHS)
def test_a_proof_that_fails_shows_the_shortest_way_around(name, monkeypatch):
    monkeypatch.chdir(BROKEN)
    path = (BROKEN / name / "expected_path.txt").read_text("utf-8").strip()
    shown = [p.message for p in check_packs([Path(name)]).problems if p.code in _WITH_PATH]
    assert any(f": {path}" in message for message in shown)


def test_at_least_fifteen_broken_workflows_have_their_path():
    assert len(PATHS) >= 15


def test_every_property_of_the_shipped_workflows_is_proved(registry):
    verdicts = [
        proof.verdict
        for flow in registry.list("workflows")
        for proof in prove(registry, flow.id).values()
    ]
    assert verdicts.count("proved") >= 40
    assert set(verdicts) == {"proved", "accepted"}


EDITS = {
    "the gate of release is taken off": (
        ("lot", "released_through_the_gate"),
        lambda body: step_of(body, "release").pop("gate"),
        "quarantine --release by qp or qa--> released",
    ),
    "a rejected lot is freed at once": (
        ("lot", "released_with_a_signature"),
        lambda body: step_of(body, "reconsider").update(to="released", signature=None),
        "rejected --reconsider by qp or qa--> released",
    ),
    "an operator may release": (
        ("lot", "released_by_quality"),
        lambda body: (
            step_of(body, "release")["signature"].update(roles=["operator", "qa"])
            or step_of(body, "release").update(roles=["operator", "qa"])
        ),
        "quarantine --release by operator or qa--> released",
    ),
    "lots in process may be shipped": (
        ("lot", "shipped_after_release"),
        lambda body: body["states"][3].update(may=["ship"]),
        "registered --start_process by operator, prod_head or qa",
    ),
    "a lot on hold is released through no gate": (
        ("lot", "no_release_on_hold"),
        lambda body: step_of(body, "release").pop("gate"),
        "release can happen when holds_active > 0",
    ),
    "who investigates may close": (
        ("deviation", "closed_by_a_second_person"),
        lambda body: step_of(body, "close").update(not_same_as=[]),
        "open --investigate by qa, prod_head or qc_analyst--> investigating --close by qa or qp-->",
    ),
    "an open deviation is closed": (
        ("deviation", "closed_after_investigation"),
        lambda body: step_of(body, "close").update({"from": ["open", "investigating"]}),
        "open --close by qa or qp--> closed",
    ),
    "a recall is closed without its signature": (
        ("recall", "closed_with_a_signature"),
        lambda body: step_of(body, "close").pop("signature"),
        "reconciling --close by recall_head or qp--> closed",
    ),
    "who reconciles may close the recall": (
        ("recall", "closed_by_a_second_person"),
        lambda body: step_of(body, "close").update(not_same_as=[]),
        "the same person may make reconcile and close",
    ),
    "an analyst reviews his own test": (
        ("inspection", "reviewed_by_a_second_person"),
        lambda body: step_of(body, "review").update(not_same_as=[]),
        "the same person may make test and review",
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_broken_edit_of_a_shipped_workflow_is_caught(registry, edit):
    (name, claim), change, shown = edit
    body = body_of(registry, name)
    change(body)
    proof = prove(registry, name, body)[claim]
    assert proof.verdict == "fails"
    assert shown in proof.message


def careless_edits(body: dict[str, Any]):
    """Take something off a step, let it begin anywhere, or add a step that nobody guards."""
    for step in body["transitions"]:
        for key in ("gate", "signature", "not_same_as"):
            edited = json.loads(json.dumps(body))
            step_of(edited, step["id"]).pop(key, None)
            yield edited
    for step in body["transitions"]:
        edited = json.loads(json.dumps(body))
        step_of(edited, step["id"])["from"] = [s["id"] for s in body["states"]]
        yield edited
    for state in body["states"]:
        edited = json.loads(json.dumps(body))
        edited["states"].append({"id": "trap", "status": "draft"})
        edited["transitions"].append(
            {"id": "fall", "from": [state["id"]], "to": "trap", "roles": ["qa"]}
        )
        yield edited
    for step in body["transitions"]:
        for target in body["states"]:
            edited = json.loads(json.dumps(body))
            extra = {"id": "hurry", "from": step["from"], "to": target["id"], "roles": ["qa"]}
            edited["transitions"].append(extra)
            yield edited


@pytest.mark.parametrize("name", ["lot", "recall", "capa", "oos", "change", "inspection"])
def test_no_property_of_a_shipped_workflow_is_idle(registry, name):
    body = body_of(registry, name)
    open_claims = {c["id"] for c in body["verify"] if "accepts_same_person" not in c}
    for edited in careless_edits(body):
        found = prove(registry, name, edited)
        open_claims -= {claim for claim, proof in found.items() if proof.verdict == "fails"}
        if not open_claims:
            break
    assert not open_claims


def test_a_site_may_replace_a_workflow_that_keeps_the_mandatory_properties(tmp_path):
    text = (BROKEN / "site_drops_the_release_gate" / "workflows" / "lot.yaml").read_text("utf-8")
    kept = text.replace("to: released\n", "to: released\n        gate: release\n")
    (tmp_path / "lot.yaml").write_text(kept, "utf-8")
    head = (BROKEN / "site_drops_the_release_gate" / "pack.yaml").read_text("utf-8")
    (tmp_path / "pack.yaml").write_text(head, "utf-8")
    compiled = check_packs([tmp_path])
    assert not compiled.has_errors
    report = verify_workflows(compiled, "lot").reports[0]
    assert {proof.verdict for proof in report.inherited} == {"proved"}


def test_the_command_fails_on_a_broken_workflow_and_shows_the_path():
    run = CliRunner().invoke(
        app, ["workflow", "verify", "--pack", str(BROKEN / "proof_gate_avoided"), "--json"]
    )
    answer = json.loads(run.output)
    assert run.exit_code == 1
    assert answer["ok"] is False
    assert "open --hurry by qa--> closed" in answer["problems"][0]["message"]


def test_the_command_passes_on_a_shipped_workflow():
    run = CliRunner().invoke(app, ["workflow", "verify", "lot", "--json"])
    answer = json.loads(run.output)
    assert run.exit_code == 0
    assert answer["counts"]["fails"] == 0
    assert [row["workflow"] for row in answer["workflows"]] == ["lot"]


def test_the_diagram_command_draws_in_the_language_of_the_reader():
    mermaid = CliRunner().invoke(app, ["workflow", "diagram", "lot", "--lang", "zh-CN"])
    svg = CliRunner().invoke(app, ["workflow", "diagram", "lot", "--format", "svg"])
    assert "s_quarantine --> s_released: 放行" in mermaid.output
    assert ">Released</text>" in svg.output
