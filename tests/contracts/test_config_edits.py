"""An edit through the API or the command changes the edited lines of a draft, and no others."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import InputRejected
from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.services.definitions import publish_registry
from qtcore.services.editing import read_assignment
from qtcore.services.site import open_site
from qtcore.testing.builders import a_user
from qtcore.testing.sites import a_site
from tests.web import Web, make_web

FILE = "rules/more.yaml"
LINES = [
    "# 规则文件 — the rules of a plant",
    "rules:   # all of them",
    "",
    "  -   id:   R-1      # the first",
    "      check:  'open_deviations == 0'   # 必须平衡",
    "      severity: block",
    '      source: {law: "GMP, 附录", status: verified}',
    "  # between",
    '  - {id: R-2, check: "open_deviations <= 1",   severity: warn, source: {law: 一}} # f',
    "",
]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        yield make_web(site)


@pytest.fixture(scope="module")
def client(web: Web) -> Iterator[httpx.Client]:
    with web.program("implementer") as found:
        yield found


def a_draft(client: httpx.Client, text: str) -> tuple[str, int]:
    uid = client.post("/api/v1/config/drafts", json={"title": "Edits"}).json()["draft_id"]
    files = {"files": [{"pack": "food", "file": FILE, "text": text}]}
    made = client.post(f"/api/v1/config/drafts/{uid}/files", json=files)
    return uid, made.json()["version"]


def edit(client: httpx.Client, uid: str, *edits: dict[str, Any], **more: Any) -> Any:
    body = {"pack": "food", "file": FILE, "edits": list(edits), **more}
    headers = body.pop("headers", {})
    return client.post(f"/api/v1/config/drafts/{uid}/edits", json=body, headers=headers)


def stored(client: httpx.Client, uid: str) -> str:
    where = f"/api/v1/config/drafts/{uid}/files/food/{FILE.replace('/', '%2F')}"
    return str(client.get(where).json()["text"])


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_only_the_edited_lines_change_and_the_check_answers(client: httpx.Client, end: str):
    before = end.join(LINES)
    uid, version = a_draft(client, before)
    done = edit(
        client,
        uid,
        {"path": "rules[R-1].check", "value": "open_deviations == 1"},
        {"path": "rules[R-2].source.law", "value": "最多一个"},
        {"path": "rules[R-2].severity", "operation": "remove"},
        expected_version=version,
    )
    assert done.status_code == 200, done.text
    answer = done.json()
    after = stored(client, uid)
    old, new = before.split(end), after.split(end)
    assert answer["text"] == after
    assert after.count("\r\n") == before.count("\r\n")
    assert [n for n, pair in enumerate(zip(old, new, strict=True), 1) if len(set(pair)) > 1] == [
        5,
        9,
    ]
    assert new[4] == "      check:  'open_deviations == 1'   # 必须平衡"
    assert new[8] == ('  - {id: R-2, check: "open_deviations <= 1",   source: {law: 最多一个}} # f')
    assert [hunk["line"] for hunk in answer["changes"]] == [5, 9, 9]
    assert answer["draft"]["version"] > version
    schema = {
        "$ref": "#/components/schemas/DraftEdit",
        "components": build_openapi(OPERATIONS)["components"],
    }
    assert not list(Draft202012Validator(schema).iter_errors(answer))


def test_an_edit_that_breaks_the_draft_is_kept_and_named_at_its_place(client: httpx.Client):
    uid, _ = a_draft(client, "\n".join(LINES))
    answer = edit(client, uid, {"path": "rules[R-1].check", "value": "open_deviation == 0"}).json()
    places = [(p["code"], p["file"][-15:], p["line"]) for p in answer["problems"]]
    assert not answer["ok"]
    assert any(file.endswith("more.yaml") and line == 5 for _, file, line in places), places
    mended = edit(client, uid, {"path": "rules[R-1].check", "value": "open_deviations == 0"}).json()
    left = {p["code"] for p in mended["problems"] if p["file"].endswith("more.yaml")}
    assert left == {"QT125"}  # the labels of the new rules are yet to be written
    assert mended["text"] == "\n".join(LINES)


@pytest.mark.parametrize(
    ("change", "more", "status", "words"),
    [
        ({"path": "rules[R-9].check", "value": "x"}, {}, 400, "there is: R-1, R-2"),
        ({"path": "rules[R-1].chekc.x", "value": "x"}, {}, 400, "did you mean 'check'"),
        ({"path": "rules[R-1].check"}, {}, 400, "needs a value"),
        ({"path": "rules", "operation": "remove", "value": 1}, {}, 400, "takes no value"),
        ({"path": "rules[R-1].check", "operation": "add", "value": 1}, {}, 400, "no list"),
        ({"path": "rules[", "value": 1}, {}, 400, "cannot be read at sign 6"),
        ({"path": "rules", "operation": "grow", "value": 1}, {}, 400, "remove"),
        ({"path": "rules", "value": []}, {"file": "rules/mroe.yaml"}, 400, "rules/more.yaml"),
        ({"path": "rules", "value": []}, {"pack": "fodo"}, 400, "did you mean 'food'"),
        ({"path": "rules", "value": []}, {"expected_version": 1}, 409, "you saw 1"),
        ({"path": "rules", "value": []}, {"edits": []}, 400, "edits"),
    ],
)
def test_what_leads_nowhere_is_refused_and_nothing_is_stored(
    client: httpx.Client, change: dict[str, Any], more: dict[str, Any], status: int, words: str
):
    before = "\n".join(LINES)
    uid, _ = a_draft(client, before)
    first = {"path": "rules[R-1].severity", "value": "warn"}
    refused = edit(client, uid, first, change, **more)
    assert (refused.status_code, words in refused.text) == (status, True), refused.text
    assert stored(client, uid) == before


def test_a_call_sent_twice_edits_once_and_others_may_not(web: Web, client: httpx.Client):
    uid, version = a_draft(client, "\n".join(LINES))
    change = {"path": "rules", "operation": "add", "value": {"id": "R-3", "check": "false"}}
    once, twice = (edit(client, uid, change, headers={"idempotency-key": uid}) for _ in range(2))
    assert (once.status_code, once.json()) == (200, twice.json())
    assert stored(client, uid).count("R-3") == 1
    assert edit(client, uid, change, expected_version=version).status_code == 409
    other = {"authorization": f"Bearer {web.token('operator')}"}
    assert edit(client, uid, change, headers=other).status_code == 403
    assert edit(client, "no-such-draft", change).status_code == 404


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=warn", ("a.b", "warn")),
        ("a= 1.50", ("a", "1.50")),
        ("a=x == 1", ("a", "x == 1")),
        ("a=[x, 'y: z']", ("a", ["x", "y: z"])),
        ("a=", ("a", None)),
    ],
)
def test_an_assignment_is_read_as_the_file_would_be(text: str, expected: tuple[str, Any]):
    path, value = read_assignment(text)
    assert (path, value if not hasattr(value, "as_tuple") else str(value)) == expected


@pytest.mark.parametrize("text", ["", "a.b", "=x", "a=x: y", "a=x\nb: 1", "a=[x", "a=&b c"])
def test_what_is_no_assignment_is_refused(text: str):
    with pytest.raises(InputRejected):
        read_assignment(text)


@pytest.mark.heavy
def test_the_command_edits_one_line_and_shows_it(tmp_path):
    database = f"sqlite:///{tmp_path / 'plant.db'}"
    site = open_site(database, create=True)
    publish_registry(site, site.system_context())
    a_user(site, ["implementer"], login="ida")
    site.close()
    folder = tmp_path / "plant"
    folder.mkdir()
    head = 'pack: plant\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\n'
    (folder / "pack.yaml").write_text(head + "languages: [en]\ntitle: {en: Plant}\n", "utf-8")

    def run(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*words, "--json", "--db", database, "--as", "ida"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    uid = run("config", "draft", str(folder))["draft_id"]
    done = run("config", "edit", uid, "plant/pack.yaml", "--set", "title.en=Works")
    assert done["changes"] == [
        {"line": 6, "removed": ["title: {en: Plant}"], "added": ["title: {en: Works}"]}
    ]
    wrong = run("config", "edit", uid, "plant/pack.yml", "--set", "title.en=Works", code=1)
    assert "did you mean 'plant/pack.yaml'" in json.dumps(wrong)
