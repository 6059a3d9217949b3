"""A site with one of everything at EAST for the walk over all routes, and those who walk it.

It must not hold verdicts: those stand in tests/golden/route_walk.txt.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from qtcore.context import Context
from qtcore.services.accounts import NewUser, actor_by_login, add_user, find_account
from qtcore.services.attachments import Owner, attach_file
from qtcore.services.audit import seal
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.devices import NewDevice, register_device
from qtcore.services.events import EventInput
from qtcore.services.holds import hold_all
from qtcore.services.master import MasterInput, get_master, save_master
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sessions import find_session, start_session
from qtcore.services.sign_intents import Act, make_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, make_token
from qtcore.services.uploads import Upload
from qtcore.testing.builders import PASSWORD, a_context, a_party, an_output

PAPERS = {
    "pack.yaml": 'pack: papers\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\n'
    "languages: [en]\ntitle: {en: Papers}\n",
    "documents.yaml": "documents: [{id: sheet, subject: record, template: templates/sheet.html}]\n",
    "templates/sheet.html": "<h1>{{ record.number }}</h1>\n",
    "i18n/en.yaml": "language: en\ntexts: {documents: {sheet: Sheet}}\n",
}


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody: a token for programs, a session with its form token for pages."""

    name: str
    token: str = ""
    secret: str = ""
    csrf: str = ""


def ids_of(site: Site) -> dict[str, str]:
    """Make one of everything at EAST, and name it."""
    everything = a_context(site, ["operator", "warehouse", "qa"])
    a_party(site, "EAST", "site")
    a_party(site, "WEST", "site")
    a_party(site, "FARM")
    with site.store.read() as session:
        party = get_master(session, site.store.tenant_id, "party", "EAST").id
    hall = MasterInput("location", "HALL", "Hall", values={"kind": "plant", "party_id": party})
    save_master(site, site.system_context(), hall)
    save_master(
        site, site.system_context(), MasterInput("item", "MILK", "Milk", values={"unit": "kg"})
    )
    came = an_output("MILK", "M-1", "10", source="FARM")
    event = EventInput("receiving", (came,), site.sources.now(), location="HALL", from_party="FARM")
    stored = record_event(site, everything, event)
    opened = submit_record(
        site, everything, "deviation", RecordInput({"title": "Smell", "severity": "minor"}, ["M-1"])
    )
    register_device(
        site, site.system_context(), NewDevice("SCALE-1", "Scale", "scale", "EAST", every_days=30)
    )
    held = hold_all(site, everything, ["M-1"], "smell")
    second = an_output("MILK", "M-2", "10", source="FARM")
    record_event(site, everything, replace(event, lines=(second,)))
    kept = attach_file(
        site, everything, Owner("record", opened.record.uid), Upload("note.txt", b"a note")
    )
    # A mock one: a true one would hold the lot that everybody acts on.
    asked = RecallStart(
        ("M-1",), "Smell", "smell", is_mock=True, data={"plan": "food_cn", "recall_class": "I"}
    )
    case = start_recall(site, a_context(site, ["recall_head"]), asked).number
    delegation = _delegation(site)
    seal(site)
    return {
        "lot": "M-1",
        "lot_id": "M-1",
        "event": stored.event_id,
        "event_id": stored.event_id,
        "record": opened.record.number,
        "record_id": opened.record.number,
        "record_uid": opened.record.uid,
        "kind": "deviation",
        "hold_id": held.holds[0],
        "hold": held.holds[0],
        "attachment": kept.uid,
        "attachment_id": kept.uid,
        "recall_id": case,
        "delegation": delegation,
        "delegation_id": delegation,
        "device": "SCALE-1",
        "login": "target",
        "name": "deviation",
        "transition": "investigate",
        "number": "1",
        **dict.fromkeys(("document", "document_id"), "sheet"),
        **dict.fromkeys(("subject", "subject_id"), opened.record.number),
    }


def _delegation(site: Site) -> str:
    """Let somebody act for another, neither of whom walks: they would be signed out on the way."""
    system = site.system_context()
    for login in ("target", "principal"):
        add_user(site, system, NewUser(login, login.title(), ("operator",), PASSWORD))
    until = site.sources.now() + timedelta(days=9)
    lent = DelegationInput("principal", "target", until, "leave")
    own = replace(system, actor=actor_by_login(site, "principal"))
    return str(make_delegation(site, own, lent, Proof(PASSWORD))["delegation_id"])


def intents_of(site: Site, signer: Walker) -> dict[str, str]:
    """Freeze what a person is about to sign: in their session, and by their token."""
    found = find_session(site, signer.secret)
    act = Act("lot", "M-2", "reject", "smell")
    at = site.sources.now()
    context = Context(found.actor, at, "walk", session_id=found.session_id)
    return {
        "intent": make_intent(site, context, [act]),
        "intent_id": make_intent(site, replace(context, session_id=""), [act]),
    }


def a_walker(site: Site, user: NewUser, *, scope: tuple[str, ...] = ()) -> Walker:
    system = site.system_context()
    add_user(site, system, user)
    token = make_token(site, system, NewToken(user.login, scope=scope))["token"]
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, user.login)
    assert account is not None
    secret = start_session(site, system, account)
    return Walker(user.login, token, secret, find_session(site, secret).csrf_token)
