"""Files of records and events: kept by content, told to the ledger, given back as files to save."""

import base64
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import Conflict
from qtcore.http import downloads
from qtcore.services.attachments import Owner, attach_file, read_file
from qtcore.services.backup import back_up
from qtcore.services.integrity.fsck import check_database
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.site import Site
from qtcore.services.uploads import Upload
from qtcore.store.columns import table_of
from qtcore.store.tables import Attachment, Blob
from qtcore.testing.builders import EVERYTHING, a_context, a_user
from qtcore.testing.sites import a_site
from tests.unit.test_uploads import PDF, SVG, picture
from tests.web import Web, csrf_of, make_web, milk_and_butter

RUNNER = CliRunner()


def a_deviation(site: Site) -> str:
    entry = RecordInput({"title": "Curd too warm", "severity": "minor"}, ["M-1"])
    return submit_record(site, a_context(site, EVERYTHING), "deviation", entry).record.number


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


def body(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content": base64.b64encode(content).decode()}


def event_id(client: httpx.Client) -> str:
    lot = client.get("/api/v1/lots/M-1").json()
    return str(re.findall(r'"event_id": ?"([^"]+)"', str(lot).replace("'", '"'))[0])


@pytest.mark.parametrize("kind", ["record", "event"])
def test_a_file_is_attached_listed_described_and_given_back(web: Web, kind: str):
    with web.program() as api:
        number = a_deviation(web.site)
        at = (
            f"/api/v1/records/deviation/{number}"
            if kind == "record"
            else f"/api/v1/events/{event_id(api)}"
        )
        made = api.post(f"{at}/attachments", json=body("../批次.pdf", PDF))
        assert made.status_code == 201, made.text
        told = made.json()
        assert (told["name"], told["sha256"]) == ("批次.pdf", sha256(PDF).hexdigest())
        assert api.get(f"{at}/attachments").json() == {"items": [told]}
        assert api.get(made.headers["location"]).json() == told
        file = api.get(f"{made.headers['location']}/content")
        newest = api.get("/api/v1/ledger?limit=1").json()["items"][0]
    assert file.content == PDF
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"].startswith('attachment; filename="__.pdf"; filename')
    assert file.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert file.headers["x-content-type-options"] == "nosniff"
    assert newest["action"] == "attachment.add"
    assert newest["details"]["sha256"] == told["sha256"]


def test_without_the_headers_a_browser_would_show_the_file_as_a_page_of_ours(
    web: Web, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads, "SANDBOX", "")
    monkeypatch.setattr(downloads, "disposition", lambda name: "inline")
    with web.program() as api:
        at = f"/api/v1/records/deviation/{a_deviation(web.site)}/attachments"
        made = api.post(at, json=body("a.pdf", PDF)).json()
        file = api.get(f"/api/v1/attachments/{made['attachment_id']}/content")
    assert file.headers["content-disposition"] == "inline"
    assert "sandbox" not in file.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (body("a.svg", SVG), "QT499"),
        (body("a.png", PDF), "QT499"),
        ({"name": "a.pdf", "content": "not base64!"}, "QT411"),
        ({"name": "a.pdf", "content": "٣"}, "QT411"),
        ({"name": "a.pdf"}, "QT411"),
    ],
)
def test_a_file_that_is_not_accepted_leaves_nothing(web: Web, sent: dict[str, str], code: str):
    with web.program() as api:
        at = f"/api/v1/records/deviation/{a_deviation(web.site)}/attachments"
        answer = api.post(at, json=sent)
        listed = api.get(at).json()
    assert answer.status_code == 400
    assert answer.json()["faults"][0]["code"] == code
    assert listed == {"items": []}


@pytest.mark.heavy
def test_a_file_of_ten_megabytes_fits_and_a_larger_body_does_not(web: Web):
    content = ("0123456789abcde\n" * (10 * 65_536)).encode()
    with web.program() as api:
        at = f"/api/v1/records/deviation/{a_deviation(web.site)}/attachments"
        assert api.post(at, json=body("a.txt", content)).status_code == 201
        assert api.post(at, json=body("b.txt", content + b"x" * 99_999)).status_code == 413


def test_an_equal_file_is_kept_once_and_attached_twice_only_elsewhere(web: Web):
    with web.program() as api:
        first, second = (
            f"/api/v1/records/deviation/{a_deviation(web.site)}/attachments" for _ in range(2)
        )
        sent = body("same.txt", b"the same bytes")
        answers = [api.post(at, json=sent).status_code for at in (first, first, second)]
    assert answers == [201, 409, 201]
    with web.site.store.read() as session:
        rows = session.execute(
            select(Blob.id).where(Blob.sha256 == sha256(b"the same bytes").hexdigest())  # type: ignore[call-overload]
        ).all()
    assert len(rows) == 1


def test_a_file_changes_what_earlier_signatures_cover(web: Web):
    with web.program() as api:
        at = f"/api/v1/records/deviation/{a_deviation(web.site)}"
        before = api.get(at).json()["revision"]
        api.post(f"{at}/attachments", json=body("a.txt", b"evidence"))
        assert api.get(at).json()["revision"] == before + 1


def test_who_may_not_write_may_not_attach_and_who_may_not_read_gets_no_file(web: Web):
    with web.program() as api:
        at = f"/api/v1/records/deviation/{a_deviation(web.site)}/attachments"
        made = api.post(at, json=body("a.txt", b"private")).json()
    where = f"/api/v1/attachments/{made['attachment_id']}/content"
    with web.program("auditor") as api:
        assert api.post(at, json=body("b.txt", b"x")).status_code == 403
    with web.visitor() as nobody:
        assert nobody.get(where).status_code == 401
    with web.program() as api:
        assert api.get(where.replace(made["attachment_id"], "nothing")).status_code == 404


def test_a_person_attaches_by_a_form_and_saves_by_a_link(web: Web):
    number = a_deviation(web.site)
    with web.person() as client:
        data = {"csrf_token": csrf_of(client)}
        sent = {"file": ("CON.png", picture(), "text/html")}
        at = f"/r/{number}/attachments"
        forged = client.post(at, data={"csrf_token": "x"}, files=sent)
        made = client.post(at, data=data, files=sent)
        wrong = client.post(at, data=data, files={"file": ("a.svg", SVG, "image/png")})
        none = client.post(at, data=data, files={"file": ("", b"", "image/png")})
        link = re.findall(r'href="(/files/[^"]+)"', made.text)
        file = client.get(link[0])
        event = client.post(
            f"/e/{event_id(client)}/attachments", data=data, files={"file": ("e.txt", b"x")}
        )
    assert (forged.status_code, made.status_code) == (403, 200)
    assert "_CON.png" in made.text and "The file is attached." in made.text
    assert wrong.status_code == none.status_code == 400
    assert "ending in &#39;svg&#39; are not accepted" in wrong.text
    assert "choose one file" in none.text
    assert file.headers["content-type"] == "image/png"
    assert "_CON.png" in file.headers["content-disposition"]
    assert "e.txt" in event.text and event.status_code == 200


@pytest.mark.parametrize("broken", ["missing", "changed", "unknown"])
def test_a_file_that_is_missing_or_changed_is_named_and_not_given_out(broken: str):
    with a_site() as site:
        milk_and_butter(site)
        context = a_context(site, EVERYTHING)
        owner = Owner("record", a_deviation(site))
        row = attach_file(site, context, owner, Upload("a.txt", b"evidence"))
        assert not [v for v in check_database(site, context).violations if v.invariant == "I14"]
        with site.store.plumbing() as session:
            statement = {
                "missing": text("DELETE FROM blob"),
                "changed": update(table_of(Blob)).values(content=b"evidencf"),
                "unknown": update(table_of(Attachment)).values(name="b.txt"),
            }[broken]
            # Past the guard of the store, as somebody with rights on the database goes.
            raw = session.connection().connection.cursor()
            compiled = statement.compile(dialect=session.connection().dialect)
            raw.execute(str(compiled), tuple(compiled.params.values()))
        found = [v.place for v in check_database(site, context).violations if v.invariant == "I14"]
        place = f"file {row.sha256[:16]}" if broken == "changed" else f"attachment {row.uid}"
        assert found == [place]
        if broken != "unknown":
            with pytest.raises(Conflict, match=broken if broken == "missing" else "not those"):
                read_file(site, context, row.uid)


@pytest.mark.heavy
def test_commands_attach_list_and_save_and_a_backup_holds_the_file(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'site.db'}"
    with a_site(url) as site:
        milk_and_butter(site)
        number = a_deviation(site)
        login = a_user(site, EVERYTHING).actor.login
    (tmp_path / "a.txt").write_bytes(b"evidence")

    def run(*words: str) -> Any:
        return RUNNER.invoke(app, ["file", *words, "--db", url, "--as", login])

    made = run("attach", "record", number, str(tmp_path / "a.txt"))
    assert made.exit_code == 0, made.output
    uid = made.output.split()[0]
    assert uid in run("list", "record", number).output
    (tmp_path / "out").mkdir()
    assert run("save", uid, "--to", str(tmp_path / "out")).exit_code == 0
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"evidence"
    assert run("save", uid, "--to", str(tmp_path / "out")).exit_code != 0
    copy = back_up(url, tmp_path / "copy.qtb", key_folder=None).file
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT content FROM blob").fetchall() == [(b"evidence",)]
