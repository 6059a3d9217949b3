"""Versions, drafts and the sign sheet as people and programs use them, in both languages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from qtcore.context import LANGUAGES
from qtcore.services.drafts import DraftInput, edit_draft, open_draft
from qtcore.services.profile import set_language
from qtcore.store.tables import ReplayJob
from qtcore.testing.builders import PASSWORD, a_user
from qtcore.testing.sites import a_site
from tests.web import Web, csrf_of, make_web, milk_and_butter

FILE = "workflows/i18n/en.yaml"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        milk_and_butter(site)
        yield make_web(site)


def a_draft(web: Web, word: str) -> str:
    context = a_user(web.site, ["implementer"])
    draft = open_draft(web.site, context, DraftInput(f"Say {word}", "asked for"))
    base = draft.configuration.find("base")
    assert base is not None
    text = base.files[FILE].replace("investigating: Investigating", f"investigating: {word}", 1)
    edit_draft(web.site, context, draft.row.uid, {("base", FILE): text})
    return draft.row.uid


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_configurations_is_drawn(web: Web, language: str):
    uid = a_draft(web, "Looking into it")
    context = a_user(web.site, ["qa"])
    set_language(web.site, context, language)
    with web.person("qa") as client:
        for path in (
            "/config/versions",
            "/config/versions/1",
            f"/config/drafts/{uid}",
            f"/config/drafts/{uid}/file?pack=base&file={FILE}",
            f"/config/drafts/{uid}/file?pack=base",
        ):
            seen = client.get(path)
            assert seen.status_code == 200, (path, seen.text)
            assert f'lang="{language}"' in seen.text
            assert "config." not in seen.text.replace("/config", "")
    set_language(web.site, context, "en")


def test_a_person_signs_a_draft_on_its_page_and_the_next_page_serves_it(web: Web):
    uid = a_draft(web, "Being examined")
    with web.person("qa") as client:
        asked = {"csrf_token": csrf_of(client), "act": "publish", "reason": "clearer"}
        path = f"/config/drafts/{uid}"
        refused = client.post(path, data={**asked, "password": "wrong"})
        assert refused.status_code == 400
        assert "the password for the signature is wrong" in refused.text
        done = client.post(path, data={**asked, "password": PASSWORD}, follow_redirects=False)
        assert done.headers["location"].startswith("/config/versions/")
        told = client.get("/api/v1/config").json()
        assert told["serving"]["authors"] == ["implementer"]
        shown = client.get(done.headers["location"]).text
        assert "Being examined" in shown


def test_an_author_edits_proposes_and_is_offered_no_signature(web: Web):
    with web.person("implementer") as client:
        token = csrf_of(client)
        made = client.post(
            "/config/drafts", data={"csrf_token": token, "title": "Mine"}, follow_redirects=False
        )
        path = made.headers["location"]
        text = {"csrf_token": token, "text": "rules: []\r\n", "version": "1"}
        saved = client.post(f"{path}/file?pack=base&file=workflows/extra.yaml", data=text)
        assert "workflows/extra.yaml" in saved.text
        assert "A second person with the right to publish signs" in saved.text
        stale = client.post(f"{path}/file?pack=base&file=workflows/extra.yaml", data=text)
        assert stale.status_code == 400
        bad = {"csrf_token": token, "act": "propose", "reason": ""}
        assert client.post(path, data=bad).status_code == 400


def test_a_program_drafts_checks_and_publishes(web: Web):
    with web.program("implementer") as client:
        made = client.post("/api/v1/config/drafts", json={"title": "By a program"})
        assert made.status_code == 201
        uid = made.json()["draft_id"]
        got = client.get(f"/api/v1/config/drafts/{uid}/files/base/{FILE.replace('/', '%2F')}")
        text = got.json()["text"].replace("open: Open", "open: Reported", 1)
        files = {"files": [{"pack": "base", "file": FILE, "text": text}]}
        edited = client.post(f"/api/v1/config/drafts/{uid}/files", json=files)
        assert [f["file"] for f in edited.json()["files"]] == [FILE]
        refused = client.post(f"/api/v1/config/drafts/{uid}/publish", json={"password": "x"})
        assert refused.status_code == 403
        report = client.get(f"/api/v1/config/drafts/{uid}/report").json()
        assert report["ok"]
        assert report["differences"][0]["area"] == "text"
    with web.program("qa") as client:
        signed = client.post(
            f"/api/v1/config/drafts/{uid}/publish", json={"password": PASSWORD, "reason": "ok"}
        )
        assert signed.status_code == 201
        number = signed.json()["number"]
        assert client.get("/api/v1/config/versions").json()["versions"][0]["number"] == number
        changed = client.get(f"/api/v1/config/differences?before=1&after={number}").json()
        assert "Reported" in str(changed)
        back = client.post("/api/v1/config/versions/1/rollback", json={"reason": "no"})
        assert back.json()["origin"] == "rollback"
        replayed = client.get("/api/v1/config/replay?workflow=lot").json()
        assert replayed["reproduced"] == replayed["decisions"] > 0
        plan = client.post("/api/v1/config/migrations/deviation", json={}).json()
        assert (plan["run"], plan["moves"]) == (False, [])
        assert client.get("/api/v1/config/versions/99").status_code == 404


def test_a_release_is_explained_as_it_was_decided(web: Web):
    with web.program("qa") as client:
        told = client.get("/api/v1/lots/M-1/release?as_decided=true").json()
        assert (told["verdict"], told["decision"]["reproduced"]) == ("released", True)
        assert told["rules"][0]["evidence"]
        assert client.get("/api/v1/lots/B-1/release?as_decided=true").status_code == 404
        assert client.get("/api/v1/lots/M-1/release?as_decided=perhaps").status_code == 400
    with web.person("qa") as client:
        assert client.get("/l/M-1/release").status_code == 200


def test_an_operator_sees_no_configuration(web: Web):
    with web.person("operator") as client:
        assert client.get("/config/versions").status_code == 403


def test_a_replay_that_goes_on_shows_its_progress_and_nobody_signs_meanwhile(web: Web):
    uid = a_draft(web, "Under examination")
    with web.person("qa") as client:
        path = f"/config/drafts/{uid}"
        assert client.get(f"{path}/replay", follow_redirects=False).headers["location"] == path
        assert 'id="h-replay"' in client.get(path).text
        finished = client.get(f"{path}/replay").text
        assert 'http-equiv="refresh"' not in finished
        assert f'href="{path}#h-replay"' in finished
        with web.site.store.plumbing() as session:
            row = session.get_one(ReplayJob, (web.site.store.tenant_id, uid))
            row.state, row.done, row.total = "running", 30, 120
            row.started_at = row.told_at - timedelta(seconds=10)
        seen = client.get(path).text
        assert '<progress max="120" value="30"' in seen
        assert "30 of 120 lots and records are replayed. 3.0 a second, about 30 s left." in seen
        assert 'value="publish"' not in seen
        watched = client.get(f"{path}/replay").text
        assert 'http-equiv="refresh"' in watched
        assert 'data-over="no"' in watched
        asked = {"csrf_token": csrf_of(client), "act": "publish", "password": PASSWORD}
        refused = client.post(path, data=asked)
        assert (refused.status_code, "30 of 120 are done" in refused.text) == (400, True)
        with web.site.store.plumbing() as session:
            row = session.get_one(ReplayJob, (web.site.store.tenant_id, uid))
            row.state, row.message = "failed", "QT999: broken off"
        failed = client.get(path).text
        assert "QT999: broken off" in failed
        again = client.post(f"{path}/replay", data={"csrf_token": csrf_of(client)})
        assert again.status_code == 200
        assert 'id="h-replay"' in client.get(path).text


def test_a_draft_that_is_broken_is_neither_compared_nor_signed_and_told_in_chinese(web: Web):
    context = a_user(web.site, ["implementer"])
    draft = open_draft(web.site, context, DraftInput("Alone", "asked for"))
    base = draft.configuration.find("base")
    assert base is not None
    text = base.files["workflows/deviation.yaml"].replace("not_same_as: [investigate]", "")
    edit_draft(web.site, context, draft.row.uid, {("base", "workflows/deviation.yaml"): text})
    signer = a_user(web.site, ["qa"])
    with web.person("qa") as client:
        seen = client.get(f"/config/drafts/{draft.row.uid}").text
        assert "It can be compared when the problems are mended." in seen
        assert "There is no difference" not in seen
        assert 'value="publish"' not in seen
        set_language(web.site, signer, "zh-CN")
        chinese = client.get(f"/config/drafts/{draft.row.uid}").text
        set_language(web.site, signer, "en")
        assert "同一人可以既做工作又批准它：已开启" in chinese
        assert "one person can do the work" not in chinese
