"""The pages of life cycles: the picture, who may do what, what is proved; published and drafted."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.diagrams import Labels, compare_flows, draw_mermaid, draw_svg
from qtcore.engines.diagrams.style import style
from qtcore.http.app import STATIC
from qtcore.registry.load import load_registry
from qtcore.registry.pictures import describe_workflow
from qtcore.services.drafts import DraftInput, edit_draft, open_draft
from qtcore.services.profile import set_language
from qtcore.testing.builders import a_user
from qtcore.testing.sites import a_site
from tests.web import Web, make_web

FLOW = "workflows/deviation.yaml"
NESTED: dict[str, Any] = {
    "id": "review",
    "subject": "record",
    "initial": "draft",
    "states": [
        {"id": "draft", "status": "draft"},
        {
            "id": "in_review",
            "status": "testing",
            "parallel": True,
            "states": [
                {"id": "qa", "states": [{"id": "qa_open"}, {"id": "qa_done", "final": True}]},
                {"id": "lab", "states": [{"id": "lab_open"}, {"id": "lab_done", "final": True}]},
            ],
        },
        {"id": "approved", "status": "released", "final": True},
    ],
    "transitions": [
        {"id": "submit", "from": ["draft"], "to": "in_review", "roles": ["operator"]},
        {"id": "qa_pass", "from": ["qa_open"], "to": "qa_done", "roles": ["qa"]},
        {"id": "lab_pass", "from": ["lab_open"], "to": "lab_done", "roles": ["qa"]},
        {"id": "send_back", "from": ["in_review"], "to": "draft", "roles": ["qa"]},
        {"id": "approve", "from": ["in_review"], "to": "approved", "when_done": True},
    ],
}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        yield make_web(site)


@pytest.fixture
def page(web: Web) -> Iterator[httpx.Client]:
    with web.person("implementer") as client:
        yield client


def test_a_workflow_is_shown_with_its_picture_its_people_and_its_proofs(page: httpx.Client):
    listed = page.get("/config/workflows").text
    shown = page.get("/config/workflows/lot").text
    assert '<a href="/config/workflows/lot">' in listed
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="flow"' in shown
    assert "<style>" not in shown and "/static/flow.css" in shown
    assert "Quality assurance" in shown and "Rules of the gate: release" in shown
    assert "every path to Released passes gate release" in shown
    assert page.get("/config/workflows/lott").status_code == 404


def test_a_reader_of_chinese_gets_all_of_it_in_chinese(web: Web):
    with web.person("auditor") as client:
        person = a_user(web.site, ["auditor"], login="auditor")
        set_language(web.site, person, "zh-CN")
        shown = client.get("/config/workflows/lot").text
    main = shown[shown.index("<main") : shown.index("</main")]
    assert "到达已放行的每条路径都经过关口 release" in main
    assert not re.search(r">(Released|Quarantine|proved|States|Who may)<", main)


def test_a_draft_is_shown_with_its_changes_marked(web: Web, page: httpx.Client):
    author = a_user(web.site, ["implementer"])
    draft = open_draft(web.site, author, DraftInput("Another word for open", "clearer"))
    base = draft.configuration.find("base")
    assert base is not None
    text = base.files[FLOW].replace("open", "noted")
    edit_draft(web.site, author, draft.row.uid, {("base", FLOW): text})
    shown = page.get(f"/config/drafts/{draft.row.uid}/workflows/deviation").text
    assert '<g class="state quarantine added">' in shown and "removed" in shown
    assert ">+ noted</text>" in shown and ">− Open</text>" in shown
    assert f"/config/drafts/{draft.row.uid}/workflows/deviation" in (
        page.get(f"/config/drafts/{draft.row.uid}").text
    )
    same = page.get(f"/config/drafts/{draft.row.uid}/workflows/lot").text
    assert "changes nothing in this workflow" in same


def test_the_style_of_pages_is_the_style_of_pictures():
    written = (STATIC / "flow.css").read_text("utf-8")
    assert written.split("*/", 1)[1].replace("\n", "") == style()


Box = tuple[float, float, float, float]


def boxes_of(svg: str) -> list[Box]:
    """The heads of the lanes: left, top, right, bottom."""
    found = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="6"', svg
    )
    return [(x, y, x + w, y + h) for x, y, w, h in (map(float, each) for each in found)]


def labels_of(svg: str) -> list[Box]:
    """The words of the steps, as wide as a generous font makes them."""
    found = re.findall(r'<text class="step" x="([\d.]+)" y="([\d.]+)">([^<]*)<', svg)
    wide = [(float(x), float(y), sum(7.4 * (2 if ord(s) > 0x2E80 else 1) for s in words))
            for x, y, words in found]  # fmt: skip
    return [(x - w / 2, y - 12, x + w / 2, y + 3) for x, y, w in wide]


def overlaps(boxes: list[Box]) -> list[tuple[Box, Box]]:
    return [
        (a, b)
        for at, a in enumerate(boxes)
        for b in boxes[at + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_overlaps_in_the_pictures_of_the_shipped_workflows(language: str):
    registry = load_registry().get_registry()
    for flow in registry.list("workflows"):
        svg = draw_svg(*describe_workflow(registry, flow.id, language))
        heads, words = boxes_of(svg), labels_of(svg)
        assert len(heads) == len([s for s in flow.all_states if not s.states and not s.history])
        assert len(words) == len(flow.transitions)
        assert overlaps(heads) == [] and overlaps(words) == [], flow.id
        bottom = max(box[3] for box in heads)
        assert min(box[1] for box in words) > bottom, flow.id


def test_states_inside_states_are_framed_and_do_not_overlap():
    svg = draw_svg(WorkflowDefinition.model_validate(NESTED), Labels("Review"))
    frames = re.findall(
        r'class="frame" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg
    )
    whole, qa, lab = [(x, y, x + w, y + h) for x, y, w, h in (map(float, f) for f in frames)]
    assert whole[0] < qa[0] < qa[2] < lab[0] < lab[2] < whole[2]
    assert whole[1] < qa[1] == lab[1] < qa[3] <= whole[3]
    assert overlaps(boxes_of(svg)) == [] and overlaps(labels_of(svg)) == []


def test_a_difference_is_marked_in_both_kinds_of_picture():
    old = WorkflowDefinition.model_validate(NESTED)
    states = [*NESTED["states"][:2], {"id": "filed", "status": "released", "final": True}]
    steps = [{**s, "to": "filed"} if s["id"] == "approve" else s for s in NESTED["transitions"]]
    fewer = {**NESTED, "states": states, "transitions": [*steps[:-2], steps[-1]]}
    new = WorkflowDefinition.model_validate(fewer)
    both, changes = compare_flows(old, new)
    assert changes.as_json() == {
        "states": {"filed": "added", "approved": "removed"},
        "transitions": {"approve": "changed", "send_back": "removed"},
    }
    svg = draw_svg(both, Labels("Review"), changes)
    mermaid = draw_mermaid(both, Labels("Review"), changes)
    for words in ("+ filed", "− approved", "~ approve ⚙", "− send back"):
        assert f">{words}</text>" in svg, words
        assert words in mermaid, words
    for line in ("class s_filed added", "class s_approved removed"):
        assert line in mermaid
    assert overlaps(boxes_of(svg)) == [] and overlaps(labels_of(svg)) == []
