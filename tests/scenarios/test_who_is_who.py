"""It takes two administrators to be somebody; passwords age; assigned trainings fall due."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha1
from pathlib import Path

import pytest

from qtcore.errors import InputRejected, NotFound, Refused
from qtcore.services import sign_demands
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.enrolment import begin_passkey, begin_totp
from qtcore.services.factors import RelyingParty
from qtcore.services.identities import link_identity
from qtcore.services.password_choice import (
    SETTING,
    BreachedPasswords,
    password_faults,
    read_breached_passwords,
)
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import (
    TrainingInput,
    accept_policy,
    read_signer,
    record_training,
    verify_identity,
)
from qtcore.services.site import Site
from qtcore.services.training_tasks import Assignment, assign_training, end_assignment
from qtcore.services.users import change_own_password, reset_credential, use_ticket
from qtcore.store.providers import Provider
from qtcore.testing import PASSWORD, FrozenClock, a_received_lot, a_site, a_user
from tests.signing_in import enter, inside
from tests.site_packs import strict_registry

STOLEN = "the administrator chose this"
CLOCK = FrozenClock()
NAMES = iter(f"pia{number}" for number in range(1000))


@pytest.fixture
def clock() -> FrozenClock:
    return CLOCK


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that asks for two administrators, for passwords of 90 days and assigned trainings."""
    policy = {"two_administrators": True, "password_days": 90, "assigned_training": True}
    with a_site(clock=CLOCK, registry=strict_registry(**policy)) as opened:
        company = Provider("company", "Company", "https://login.example", "qtcore")
        opened.providers.providers = (company,)
        yield opened


def admin(site, login="root"):
    return a_user(site, ["admin"], login=login)


def known(site, *, by="root"):
    """A qualified person who signs: made, and identified by an administrator."""
    login = next(NAMES)
    a_user(site, ["qp"], login=login)
    identify(site, by, login)
    return login


def identify(site, by, login):
    CLOCK.advance(minutes=1)
    verify_identity(site, admin(site, by), login, method="in person", evidence="passport 12")


def now_as(site, login):
    return a_user(site, ["qp"], login=login)


def intent_of(site, login):
    lot = a_received_lot(site, "MILK", f"M-{site.sources.new_id()}")
    return make_intent(site, now_as(site, login), [Act("lot", lot.uid, "release")])


def sign(site, login, password=PASSWORD):
    return sign_intent(site, now_as(site, login), intent_of(site, login), Proof(password))


def taken_over(site, login, *, by="root"):
    """An administrator resets the password of somebody else and uses the link himself."""
    CLOCK.advance(minutes=1)
    secret = reset_credential(site, admin(site, by), login)
    use_ticket(site, now_as(site, login), secret, STOLEN)


# ------------------------------------------------------------------ 21 CFR 11.200(a)(3)


@pytest.mark.clause("21 CFR 11.200(a)(3)")
def test_who_takes_the_link_of_a_reset_signs_nothing_until_another_one_identifies(site):
    pia = known(site)
    assert sign(site, pia)
    taken_over(site, pia)
    with pytest.raises(Refused, match="nobody has identified them since") as refused:
        sign(site, pia, STOLEN)
    assert [(each.code, each.source) for each in refused.value.refusals] == [
        ("QT477", "21 CFR 11.200(a)(3)")
    ]
    with pytest.raises(Refused, match="another one identifies"):
        identify(site, "root", pia)
    identify(site, "second", pia)
    assert sign(site, pia, STOLEN)


@pytest.mark.clause("21 CFR 11.200(a)(3)")
def test_control_without_the_second_administrator_the_first_one_signs_as_somebody(
    site, monkeypatch
):
    pia = known(site)
    taken_over(site, pia)
    monkeypatch.setattr(sign_demands, "unsettled", lambda *_: None)
    assert sign(site, pia, STOLEN)


@pytest.mark.clause("21 CFR 11.200(a)(3)")
def test_a_link_to_a_provider_by_an_administrator_counts_as_handing_out(site):
    pia = known(site, by="second")
    CLOCK.advance(minutes=1)
    link_identity(site, admin(site), pia, provider_id="company", subject=f"mine-{pia}")
    with pytest.raises(Refused, match="nobody has identified them since"):
        sign(site, pia)
    with pytest.raises(Refused, match="another one identifies"):
        identify(site, "root", pia)
    identify(site, "second", pia)
    assert sign(site, pia)


def test_an_identity_recorded_by_the_machine_alone_is_nobodys(site):
    login = next(NAMES)
    a_user(site, ["qp"], login=login)
    verify_identity(site, site.system_context(), login, method="script", evidence="none")
    with pytest.raises(Refused, match="who identified them also handed out"):
        sign(site, login)


BINDINGS = {
    "a policy": lambda site, me: accept_policy(site, me, "signatures", Proof(STOLEN)),
    "an app": lambda site, me: begin_totp(site, me, "mine", Proof(STOLEN)),
    "a passkey": lambda site, me: begin_passkey(
        site, me, RelyingParty("plant.example", "https://plant.example"), Proof(STOLEN)
    ),
    "a delegation": lambda site, me: make_delegation(
        site,
        me,
        DelegationInput(
            me.actor.login, "accomplice", site.sources.now() + timedelta(days=9), "for myself"
        ),
        Proof(STOLEN),
    ),
}


@pytest.mark.clause("21 CFR 11.200(a)(3)")
@pytest.mark.parametrize("bind", BINDINGS.values(), ids=BINDINGS)
def test_nothing_that_outlasts_the_takeover_is_bound_to_the_person(site, bind, monkeypatch):
    pia = known(site)
    now_as(site, "accomplice")
    taken_over(site, pia)
    with pytest.raises(Refused, match="nobody has identified them since"):
        bind(site, now_as(site, pia))
    monkeypatch.setattr(sign_demands, "unsettled", lambda *_: None)
    assert bind(site, now_as(site, pia))  # the control: with the question off it is bound


# ------------------------------------------------------------------ 21 CFR 11.300(b)


@pytest.mark.clause("21 CFR 11.300(b)")
def test_a_password_that_is_too_old_signs_nothing_until_it_is_changed(site, clock):
    pia = known(site)
    clock.advance(days=89, hours=23)
    assert sign(site, pia)
    clock.advance(hours=1)
    intent = intent_of(site, pia)
    with pytest.raises(Refused, match="after 90 days it signs nothing"):
        sign_intent(site, now_as(site, pia), intent, Proof(PASSWORD))
    told = view_intent(site, now_as(site, pia), intent, None).refusals
    assert [each.source for each in told] == ["21 CFR 11.300(b)"]
    me = inside(site, enter(site, pia))
    change_own_password(site, me, PASSWORD, "another horse, no battery")
    assert sign(site, pia, "another horse, no battery")


@pytest.mark.clause("21 CFR 11.300(b)")
def test_control_by_the_shipped_policy_a_password_does_not_age(clock):
    with a_site(clock=clock) as plain:
        a_user(plain, ["qp"], login="pia")
        clock.advance(days=4000)
        assert sign(plain, "pia")


def listed(folder: Path, *passwords: str) -> Path:
    digests = sorted(sha1(each.encode()).hexdigest().upper() for each in passwords)
    file = folder / "breached.txt"
    file.write_text("".join(f"{digest}:{n}\n" for n, digest in enumerate(digests, 1)), "ascii")
    return file


TAKEN = tuple(f"password number {n}, long" for n in range(500))


@pytest.mark.clause("21 CFR 11.300(b)")
def test_each_password_of_the_list_is_found_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv(SETTING, str(listed(tmp_path, *TAKEN)))
    breached = read_breached_passwords()
    assert all(breached.holds(each) for each in TAKEN)
    assert not any(breached.holds(f"{each}!") for each in TAKEN)


def test_a_list_that_is_none_is_refused_when_the_site_opens(tmp_path, monkeypatch):
    file = tmp_path / "words.txt"
    for text in ("hunter2\n", "F" * 40 + ":1\n" + "0" * 40 + ":1\n", ""):
        file.write_text(text, "ascii")
        monkeypatch.setenv(SETTING, str(file))
        with pytest.raises(InputRejected, match="no list of SHA-1 digests"):
            read_breached_passwords()
    monkeypatch.setenv(SETTING, str(tmp_path / "absent"))
    with pytest.raises(InputRejected, match="cannot be read"):
        read_breached_passwords()


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "5 characters"),
        ("abababababab", "2 different characters"),
        ("Password1234!", "common one"),
        ("Pia-Novak-2026", "made of your own name"),
        ("correct horse battery", ""),
        ("my password is long enough", ""),
    ],
)
def test_a_password_is_long_rare_and_not_ones_own_name(password, said):
    told = password_faults(BreachedPasswords(), password, ("pia", "Pia Novak", ""))
    assert [each.code for each in told] == (["QT462"] if said else [])
    assert all(said in each.message for each in told)


@pytest.mark.clause("21 CFR 11.300(b)")
def test_a_known_password_is_taken_at_no_door(site, tmp_path):
    guarded = replace(site, breached=BreachedPasswords(listed(tmp_path, STOLEN)))
    pia = known(site)
    secret = reset_credential(guarded, admin(guarded), pia)
    doors = (
        lambda: use_ticket(guarded, now_as(guarded, pia), secret, STOLEN),
        lambda: change_own_password(guarded, admin(guarded), PASSWORD, STOLEN),
        lambda: add_user(guarded, admin(guarded), NewUser(next(NAMES), "N", ("qa",), STOLEN)),
    )
    for door in doors:
        with pytest.raises(InputRejected) as refused:
            door()
        assert "known from a breach" in refused.value.faults[0].message
    use_ticket(site, now_as(site, pia), secret, STOLEN)  # the control: no list, it is taken


# ------------------------------------------------------------------ trainings by name


@pytest.mark.clause("21 CFR 11.10(i)")
def test_an_assigned_training_is_due_blocks_when_late_and_is_done_by_a_later_record(site, clock):
    pia, root, today = known(site), admin(site), clock.at.date()
    record_training(site, root, pia, TrainingInput("SOP-9", "the year before"))
    clock.advance(minutes=1)
    root = admin(site)
    assign_training(site, root, pia, Assignment("SOP-9", today + timedelta(days=1), "revised"))
    [task] = read_signer(site, now_as(site, pia))["tasks"]
    assert (task["topic"], task["is_late"], task["reason"]) == ("SOP-9", False, "revised")
    assert sign(site, pia)
    clock.advance(days=2)
    with pytest.raises(Refused, match=r"'SOP-9' was assigned to you and was due"):
        sign(site, pia)
    record_training(site, admin(site), pia, TrainingInput("SOP-9", "test of the new one"))
    assert sign(site, pia)
    assert read_signer(site, now_as(site, pia))["tasks"] == []


def test_control_where_no_policy_asks_an_overdue_training_stops_nobody(clock):
    with a_site(clock=clock) as plain:
        a_user(plain, ["qp"], login="pia")
        wanted = Assignment("SOP-9", clock.at.date())
        assign_training(plain, plain.system_context(), "pia", wanted)
        clock.advance(days=3)
        assert read_signer(plain, now_as(plain, "pia"))["tasks"][0]["is_late"]
        assert sign(plain, "pia")


def test_an_assignment_is_sound_and_taken_back_with_a_reason(site, clock):
    pia, root, today = known(site), admin(site), clock.at.date()
    task = assign_training(site, root, pia, Assignment("SOP-1", today))
    for wanted, said in (
        (Assignment("SOP-1", today), "assigned to"),
        (Assignment(" ", today), "topic is missing"),
        (Assignment("SOP-2", today - timedelta(days=1)), "has passed"),
    ):
        with pytest.raises(InputRejected) as refused:
            assign_training(site, root, pia, wanted)
        assert said in refused.value.faults[0].message
    with pytest.raises(InputRejected, match="stays"):
        end_assignment(site, root, pia, task, reason=" ")
    end_assignment(site, root, pia, task, reason="other post")
    with pytest.raises(NotFound, match="no open assignment"):
        end_assignment(site, root, pia, task, reason="again")
