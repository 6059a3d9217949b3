"""Whatever accounts, roles and delegations there are: two halves are made by two persons."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from qtcore.errors import Conflict, InputRejected, Refused
from qtcore.services import step_asking
from qtcore.services.accounts import NewUser, find_account, write_user
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_intents import Act, make_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.standing import act_at
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Delegation, StateChange, UserAccount
from qtcore.testing import PASSWORD, a_site, a_user

pytestmark = pytest.mark.heavy

REVIEW = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}
# login -> person and roles; `anna2` and `ben2` are second accounts of the same persons.
ACCOUNTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "anna": ("anna", ("qa",)),
    "anna2": ("anna", ("qp",)),
    "ben": ("ben", ("prod_head",)),
    "ben2": ("ben", ("qa", "qp")),
    "carl": ("carl", ("qa", "qp")),
    "dora": ("dora", ("warehouse",)),
    "emil": ("emil", ("operator",)),
}
LENT = st.tuples(st.sampled_from(sorted(ACCOUNTS)), st.sampled_from(sorted(ACCOUNTS)))
GRAPHS = st.lists(LENT, max_size=6, unique=True)
WHO = st.sampled_from(sorted(ACCOUNTS))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(packs=["food"]) as opened:
        for login, (person, roles) in ACCOUNTS.items():
            if login == person:
                a_user(opened, roles, login=login)
                continue
            with opened.store.write(opened.system_context()) as work:
                first = find_account(work.session, work.tenant_id, person)
                assert first is not None
                made = write_user(opened, work, NewUser(login, person, roles, PASSWORD))
                work.flush()
                row = work.session.exec(
                    select(UserAccount).where(UserAccount.uid == made.uid)
                ).one()
                work.change(row, person_id=first.person_id)
        yield opened


def lent(site: Site, graph: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Make what of a drawn graph may be made; gives who lends to whom, by person."""
    with site.store.write(site.system_context()) as work:
        for row in work.session.exec(select(Delegation)).all():
            work.change(row, revoked_at=site.sources.now())
        work.log("delegation.revoke", "delegation", "")
    until = site.sources.now() + timedelta(days=3)
    lenders: dict[str, set[str]] = {}
    for principal, delegate in graph:
        roles, person = ACCOUNTS[principal][1], ACCOUNTS[principal][0]
        try:
            wanted = DelegationInput(principal, delegate, until, "holiday")
            make_delegation(site, a_user(site, roles, login=principal), wanted, Proof(PASSWORD))
        except (InputRejected, Refused):
            continue
        lenders.setdefault(ACCOUNTS[delegate][0], set()).add(person)
    return lenders


def everybody(lenders: Mapping[str, set[str]], person: str) -> set[str]:
    """Everybody a person may stand for, themselves included, through however many others."""
    found: set[str] = set()
    waiting = [person]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += lenders.get(one, ())
    return found


def a_review(site: Site) -> str:
    author = a_user(site, ["qa"], login="author")
    return submit_record(site, author, "batch_review", RecordInput(REVIEW)).record.uid


def tried(site: Site, login: str, uid: str, step: str) -> bool:
    who = a_user(site, ACCOUNTS[login][1], login=login)
    try:
        fire_transition(site, who, ("record", uid), Step(step, password=PASSWORD))
    except (Refused, Conflict):
        return False
    return True


def persons_of(site: Site, uid: str) -> list[set[str]]:
    """Who made each step of a record, with whom they stood for, as the history keeps it."""
    with site.store.read() as session:
        rows = session.exec(
            select(StateChange).where(StateChange.subject_uid == uid).order_by(StateChange.id)  # type: ignore[arg-type]
        ).all()
        return [{str(row.person_id), *row.stands_for} for row in rows[1:]]


@given(graph=GRAPHS, first=WHO, second=WHO)
@settings(max_examples=40)
def test_no_graph_of_accounts_roles_and_delegations_lets_one_person_make_both_halves(
    site, graph, first, second
):
    lenders = lent(site, graph)
    uid = a_review(site)
    if not tried(site, first, uid, "review"):
        return
    own = ACCOUNTS[first][0], ACCOUNTS[second][0]
    if tried(site, second, uid, "approve"):
        assert own[0] != own[1]
        reviewed, approved = persons_of(site, uid)
        assert reviewed.isdisjoint(approved)
    elif {"qa", "qp"} & set(ACCOUNTS[second][1]):
        # Refused although the role is theirs: then they are, or may stand for, one person.
        assert everybody(lenders, own[0]) & everybody(lenders, own[1])


def test_a_ring_of_delegations_ends_and_stands_for_everybody_in_it(site):
    ring = ("anna", "dora", "emil", "anna")
    lenders = lent(site, list(pairwise(ring)))
    assert everybody(lenders, "dora") == {"anna", "dora", "emil"}
    uid = a_review(site)
    assert tried(site, "dora", uid, "review")  # with the role that anna lends her
    assert not tried(site, "anna", uid, "approve")
    assert not tried(site, "anna2", uid, "approve")
    assert tried(site, "carl", uid, "approve")


def test_control_with_accounts_for_persons_and_no_standing_the_property_breaks(site, monkeypatch):
    lent(site, [("anna", "dora")])

    def alone(*given, **more):
        found = act_at(*given, **more)
        own = (found.actor.user_id or 0) + 10_000
        return replace(found, actor=replace(found.actor, person_id=own, stands_for=frozenset()))

    uid = a_review(site)
    assert tried(site, "dora", uid, "review")
    act = [Act("record", uid, "approve")]
    with pytest.raises(Refused, match="another person than review"):
        make_intent(site, a_user(site, ["qp"], login="anna2"), act)
    monkeypatch.setattr(step_asking, "act_at", alone)
    assert make_intent(site, a_user(site, ["qp"], login="anna2"), act)
