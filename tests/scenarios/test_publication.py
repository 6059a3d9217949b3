"""A change of the configuration: two people, one winner, pinned records, explicit moves."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import Conflict, Denied, InputRejected, NotFound, Refused
from qtcore.services.audit import read_ledger
from qtcore.services.configurations import newest_number
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.draft_reports import check_draft
from qtcore.services.drafts import (
    DraftInput,
    edit_draft,
    open_draft,
    propose_draft,
    read_draft,
    rebase_draft,
    set_mappings,
)
from qtcore.services.explaining import explain_lot
from qtcore.services.migration import StateMapping, preview_migration, run_migration
from qtcore.services.publication import (
    Signing,
    compare_versions,
    list_history,
    publish_draft,
    roll_back,
)
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.replay import Scope, replay
from qtcore.services.serving import Serving
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Signature
from qtcore.testing import (
    PASSWORD,
    a_context,
    a_received_lot,
    a_site,
    a_user,
    release,
)

FLOW = "workflows/deviation.yaml"
TEXTS = "workflows/i18n/en.yaml"


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site(packs=["food"]) as opened:
        yield opened


def author(site: Site) -> Context:
    return a_user(site, ["implementer"], login="ida")


def signer(site: Site) -> Context:
    return a_user(site, ["qa"], login="quinn")


def a_draft(site: Site, file: str = TEXTS, old: str = "Quarantine", new: str = "Held back") -> str:
    context = author(site)
    draft = open_draft(site, context, DraftInput("A change", "asked for"))
    base = draft.configuration.find("base")
    assert base is not None
    text = base.files[file]
    assert old in text
    uid = draft.row.uid
    edit_draft(site, context, uid, {("base", file): text.replace(old, new)})
    return uid


def publish(site: Site, uid: str, context: Context | None = None, password: str = PASSWORD) -> int:
    signing = Signing(Proof(password), "checked")
    return publish_draft(site, context or signer(site), uid, signing).row.number


@pytest.mark.clause("EU Annex 11.10")
@pytest.mark.clause("21 CFR 11.10(k)")
def test_a_second_person_publishes_and_everything_is_kept(site: Site):
    assert publish(site, a_draft(site)) == 2
    newest, first = list_history(site, signer(site))
    report = newest.as_json(full=True)["report"]
    with site.store.read() as session:
        signature = session.exec(
            select(Signature).where(Signature.uid == newest.row.signature_uid)
        ).one()
    assert (newest.row.authors, newest.row.published_by, first.row.origin) == (
        ["ida"],
        "quinn",
        "initial",
    )
    assert (signature.signer_login, signature.meaning) == ("quinn", "approved")
    assert report["differences"][0]["words"]["en"].startswith("Text ")
    assert report["differences"][0]["words"]["zh-CN"].startswith("文本 ")
    assert report["replay"]["decisions"] == 0
    actions = [entry["action"] for entry in read_ledger(site, a_context(site)).as_json()["items"]]
    assert {"config.publish", "sign", "config.edit", "config.draft"} <= set(actions)


@pytest.mark.clause("EU Annex 11.10")
@pytest.mark.clause("21 CFR 11.10(k)")
def test_the_author_cannot_sign(site: Site):
    context = signer(site)
    draft = open_draft(site, context, DraftInput("Mine", "mine"))
    base = draft.configuration.find("base")
    assert base is not None
    text = base.files[TEXTS].replace("Quarantine", "Held back")
    edit_draft(site, context, draft.row.uid, {("base", TEXTS): text})
    with pytest.raises(Refused, match="wrote or proposed this draft and cannot sign it"):
        publish(site, draft.row.uid)
    assert _newest(site) == 1


def test_who_acts_for_the_author_cannot_sign(site: Site):
    wanted = DelegationInput("ida", "quinn", signer(site).at + timedelta(days=1), "on leave")
    make_delegation(site, author(site), wanted, Proof(PASSWORD))
    with pytest.raises(Refused, match="acts for ida, who stands for this draft"):
        publish(site, a_draft(site))


@pytest.mark.parametrize(
    ("password", "code"), [("", "QT471"), ("not the password", "QT472")], ids=["none", "wrong"]
)
def test_a_signature_needs_the_password(site: Site, password: str, code: str):
    with pytest.raises(Refused) as caught:
        publish(site, a_draft(site), password=password)
    assert [r.code for r in caught.value.refusals] == [code]
    assert _newest(site) == 1


def test_publishing_needs_the_right_and_a_person(site: Site):
    uid = a_draft(site)
    with pytest.raises(Denied, match=r"definition\.publish"):
        publish(site, uid, a_user(site, ["operator"]))
    with pytest.raises(Refused, match="is no person with an account"):
        publish(site, uid, site.system_context())


def test_a_pending_upgrade_has_no_author_until_somebody_stands_for_it(site: Site):
    configuration = read_draft(site, author(site), a_draft(site)).configuration
    from qtcore.services.drafts import write_draft

    entry = DraftInput("Files on disk differ", configuration=configuration, origin="disk")
    with site.store.write(site.system_context()) as work:
        uid = write_draft(work, entry, []).uid
    with pytest.raises(Refused, match="no person stands for this draft yet"):
        publish(site, uid)
    with pytest.raises(InputRejected, match="needs the reason"):
        propose_draft(site, author(site), uid, reason=" ")
    propose_draft(site, author(site), uid, reason="the new release")
    assert publish(site, uid) == 2


def test_what_does_not_check_is_not_published(site: Site):
    uid = a_draft(site, FLOW, "initial:", "inital:")
    with pytest.raises(Refused) as caught:
        publish(site, uid)
    assert any("QT110" in r.message for r in caught.value.refusals)
    report = check_draft(site, author(site), uid).as_json()
    assert report["ok"] is False
    assert FLOW in {problem["file"] for problem in report["problems"]}


def test_a_failed_proof_is_not_published(site: Site):
    uid = a_draft(site, "workflows/lot.yaml", "gate: release\n", "\n")
    with pytest.raises(Refused) as caught:
        publish(site, uid)
    assert any("QT310" in r.message for r in caught.value.refusals)


def test_nothing_changed_is_nothing_to_publish(site: Site):
    uid = open_draft(site, author(site), DraftInput("Nothing")).row.uid
    with pytest.raises(Refused, match="nothing to publish"):
        publish(site, uid)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (("base", "../../etc/passwd"), "x", "is no file name inside a pack"),
        (("base", "run.py"), "x", "neither a .yaml file nor a template"),
        (("nobody", "a.yaml"), "x", "there is no pack 'nobody'"),
        (("base", "workflows/none.yaml"), None, "cannot be removed"),
        (("base", "a.yaml"), "\x00", "NUL"),
    ],
    ids=["leaves", "python", "no pack", "not there", "nul"],
)
def test_bad_edits_are_refused_whole(site: Site, name: tuple[str, str], text: str, said: str):
    draft = open_draft(site, author(site), DraftInput("x"))
    good = {("base", "workflows/more.yaml"): "rules: []\n"}
    with pytest.raises(InputRejected) as caught:
        edit_draft(site, author(site), draft.row.uid, {**good, name: text})
    assert said in caught.value.faults[0].message
    assert read_draft(site, author(site), draft.row.uid).files == ()


def a_deviation(site: Site) -> str:
    data = {"title": "Dust", "severity": "major"}
    context = a_user(site, ["qa"], login="rita")
    return submit_record(site, context, "deviation", RecordInput(data)).record.uid


def renamed(site: Site) -> str:
    """A draft in which the first state of a deviation is called `noted`, no longer `open`."""
    context = author(site)
    draft = open_draft(site, context, DraftInput("Rename", "clearer"))
    base = draft.configuration.find("base")
    assert base is not None
    flow = base.files[FLOW]
    for part in ("initial: {}", "id: {},", "from: [{}", "to: {},", "state: {}"):
        flow = flow.replace(part.format("open"), part.format("noted"))
    edits = {("base", FLOW): flow}
    for language, title in (("en", "Deviation handling"), ("zh-CN", "偏差处理")):
        name = f"workflows/i18n/{language}.yaml"
        head, found, tail = base.files[name].partition(f"title: {title}\n")
        assert found
        edits["base", name] = head + found + tail.replace("        open:", "        noted:", 1)
    edit_draft(site, context, draft.row.uid, edits)
    return draft.row.uid


def test_a_state_with_running_records_is_not_removed_without_a_mapping(site: Site):
    a_deviation(site)
    uid = renamed(site)
    with pytest.raises(Refused) as caught:
        publish(site, uid)
    (refusal,) = caught.value.refusals
    assert refusal.code == "QT535"
    assert "1 running in state open of workflow deviation" in refusal.message
    set_mappings(site, author(site), uid, {"deviation": {"open": "noted"}})
    assert publish(site, uid) == 2


def test_running_records_stay_pinned_until_they_are_moved(site: Site):
    old, still = a_deviation(site), a_deviation(site)
    uid = renamed(site)
    set_mappings(site, author(site), uid, {"deviation": {"open": "noted"}})
    publish(site, uid)
    served = Serving(site)
    served._seen = 1
    after = served.now()
    new = a_deviation(after)
    states = [read_record(after, a_context(after), each).record.state for each in (old, new)]
    assert states == ["open", "noted"]

    asked = StateMapping("deviation", reason="the old name goes")
    plan = preview_migration(after, signer(after), asked)
    assert [(m.outcome, m.state, m.to_state) for m in plan.moves] == [
        ("moves", "open", "noted")
    ] * 2
    assert read_record(after, a_context(after), old).record.state == "open"

    done = run_migration(after, signer(after), asked)
    assert [m.outcome for m in done.moves] == ["moved", "moved"]
    view = read_record(after, a_context(after), old)
    assert (view.record.state, view.changes[-1].transition) == ("noted", "migrate")
    for each in (old, still):
        told = [
            e
            for e in read_ledger(after, a_context(after), about=each).as_json()["items"]
            if e["action"] == "record.migrate"
        ]
        assert len(told) == 1
    assert preview_migration(after, signer(after), asked).moves == ()


def test_what_cannot_move_is_refused_with_the_reason(site: Site):
    a_deviation(site)
    uid = renamed(site)
    set_mappings(site, author(site), uid, {"deviation": {"open": "noted"}})
    publish(site, uid)
    served = Serving(site)
    served._seen = 1
    after = served.now()
    with pytest.raises(InputRejected) as caught:
        preview_migration(after, signer(after), StateMapping("deviation", {"open": "nowhere"}))
    assert "has no state 'nowhere'" in caught.value.faults[0].message
    with pytest.raises(InputRejected, match="needs the reason"):
        run_migration(after, signer(after), StateMapping("deviation"))
    with pytest.raises(Denied):
        run_migration(after, a_user(after, ["operator"]), StateMapping("deviation", reason="x"))
    asked = StateMapping("deviation", fields={"title": "headline"}, reason="x")
    (move,) = run_migration(after, signer(after), asked).moves
    assert move.outcome == "refused"
    assert "headline" in move.reason


def test_a_move_takes_the_values_of_a_renamed_field_along(site: Site):
    data = {"title": "Dust", "severity": "major", "area": "Line 1", "impact": "none"}
    context = a_user(site, ["qa"], login="rita")
    uid = submit_record(site, context, "deviation", RecordInput(data)).record.uid
    draft = renamed(site)
    set_mappings(site, author(site), draft, {"deviation": {"open": "noted"}})
    publish(site, draft)
    served = Serving(site)
    served._seen = 1
    after = served.now()
    fields = {"area": "description", "impact": ""}
    asked = StateMapping("deviation", fields=fields, reason="one field for the place")
    (move,) = run_migration(after, signer(after), asked).moves
    view = read_record(after, a_context(after), uid)
    assert (move.outcome, view.record.state, view.record.revision) == ("moved", "noted", 2)
    assert view.data["description"] == "Line 1"
    assert {"area", "impact"}.isdisjoint(view.data)
    assert [revision.data.get("area") for revision in view.revisions] == ["Line 1", None]


def test_a_roll_back_is_a_new_version_with_the_older_text(site: Site):
    publish(site, a_draft(site))
    with pytest.raises(Conflict, match="serves already"):
        roll_back(site, author(site), 2, reason="x")
    with pytest.raises(NotFound, match="there are 1 to 2"):
        roll_back(site, author(site), 9, reason="x")
    draft = roll_back(site, author(site), 1, reason="the words were wrong")
    with pytest.raises(Refused):
        publish(site, draft.row.uid, author(site))
    assert publish(site, draft.row.uid) == 3
    newest, middle, first = (view.row for view in list_history(site, signer(site)))
    assert (newest.origin, newest.fingerprint) == ("rollback", first.fingerprint)
    assert newest.pins == first.pins
    assert middle.fingerprint != first.fingerprint
    assert compare_versions(site, signer(site), 1, 3) == ()


def test_a_draft_based_on_an_older_version_is_carried_over_or_refused(site: Site):
    first = a_draft(site)
    other = a_draft(site, FLOW, "initial:", "initial: ")
    publish(site, first)
    with pytest.raises(Refused, match="version 2 serves"):
        publish(site, other)
    moved = rebase_draft(site, author(site), other)
    assert (moved.row.base, [f.file for f in moved.files]) == (2, [FLOW])


def test_a_draft_edited_meanwhile_is_not_overwritten(site: Site):
    draft = open_draft(site, author(site), DraftInput("x"))
    text = {("base", "workflows/more.yaml"): "rules: []\n"}
    edit_draft(site, author(site), draft.row.uid, text, expected=1)
    with pytest.raises(Conflict, match="was changed by somebody else"):
        edit_draft(site, author(site), draft.row.uid, text, expected=1)


def test_decisions_are_explained_as_they_were_made(site: Site):
    lot = a_received_lot(site)
    release(site, lot)
    publish(
        site, a_draft(site, "workflows/rules.yaml", "check: record_complete", "check: balance_ok")
    )
    served = Serving(site)
    served._seen = 1
    after = served.now()
    found = explain_lot(after, a_context(after), lot.uid, as_decided=True)
    told = found.as_json(as_decided=True)
    rule = next(r for r in told["rules"] if r["rule"] == "CORE-01")
    now = next(r for r in told["now"]["rules"] if r["rule"] == "CORE-01")
    assert (told["verdict"], told["decision"]["reproduced"], told["decision"]["intact"]) == (
        "released",
        True,
        True,
    )
    assert (rule["limit"], now["limit"]) == ("record_complete", "balance_ok")
    assert rule["evidence"][0]["sources"][0]["kind"] == "event"
    assert rule["version"]["fingerprint"] != now["version"]["fingerprint"]
    assert rule["source"]["law"] == "Good manufacturing practice"
    assert "CORE-01" in {d["rule"] for d in told["differences"]}
    assert replay(after, Scope()).reproduced == replay(after, Scope()).decisions
    with pytest.raises(NotFound, match="no release of lot"):
        explain_lot(
            after, a_context(after), a_received_lot(after, lot_no="M-9").uid, as_decided=True
        )


def _newest(site: Site) -> int:
    with site.store.read() as session:
        return newest_number(session, site.store.tenant_id)


def test_a_refused_step_is_a_decision_too(site: Site):
    lot = a_received_lot(site)
    with pytest.raises(Refused):
        fire_transition(site, a_user(site, ["qp"]), ("lot", lot.uid), Step("release"))
    told = explain_lot(site, a_context(site), lot.uid, as_decided=True).as_json(as_decided=True)
    assert (told["verdict"], told["decision"]["outcome"]) == ("blocked", "refused")
    assert {r["code"] for r in told["reasons"]} == {"QT471"}


def test_a_broken_base_is_named_alone_and_not_what_follows_from_it(site: Site):
    uid = a_draft(site, FLOW, "        not_same_as: [investigate]\n", "")
    report = check_draft(site, author(site), uid)
    assert report.registry is None
    assert sorted(p.code for p in report.problems) == ["QT310", "QT317"]
