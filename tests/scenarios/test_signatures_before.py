"""What comes before a signature: policy, identity, second factor, training, an account."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from sqlmodel import select

from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Denied, InputRejected, Refused
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.sign_demands import standing_refusals
from qtcore.services.sign_intents import Act, make_intent, sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.sign_tries import unlock_signer
from qtcore.services.signers import (
    TrainingInput,
    accept_policy,
    read_signer,
    record_training,
    verify_identity,
)
from qtcore.services.site import Site, with_registry
from qtcore.services.users import UserChange, change_user
from qtcore.store.tables import UserAccount
from qtcore.testing import PASSWORD, FrozenClock, a_received_lot, a_site, a_user, text_of
from tests.site_packs import strict_registry

LOGIN = Proof(PASSWORD, login="qp")


def in_session(site, name="s-1", **more):
    return replace(a_user(site, ["qp"]), session_id=name, at=site.sources.now(), **more)


def an_intent(site, context, lot_no="M-1"):
    lot = a_received_lot(site, "MILK", lot_no)
    return make_intent(site, context, [Act("lot", lot.uid, "release")])


def codes_of(error):
    return [refusal.code for refusal in error.value.refusals]


# ------------------------------------------------------------------ what must come before


@contextmanager
def strict_site(**policy: object):
    """A site whose policy asks for more than the shipped one."""
    with a_site(clock=FrozenClock(), registry=strict_registry(**policy)) as opened:
        yield opened


@pytest.mark.clause("21 CFR 11.10(j)")
@pytest.mark.clause("21 CFR 11.100(b)")
def test_policy_and_identity_come_before_the_first_signature_and_say_what_to_do():
    with strict_site(accept=True, identified=True) as site:
        qp = in_session(site)
        intent = an_intent(site, qp)
        with pytest.raises(Refused) as refused:
            sign_intent(site, qp, intent, LOGIN)
        assert codes_of(refused) == ["QT477", "QT477"]
        assert all(each.fix for each in refused.value.refusals)
        accept_policy(site, qp, "signatures", LOGIN)
        with pytest.raises(Refused, match="identity"):
            sign_intent(site, qp, intent, Proof(PASSWORD))
        admin = site.system_context()
        verify_identity(site, admin, "qp", method="in person", evidence="passport 12")
        sign_intent(site, qp, intent, LOGIN)


@pytest.mark.clause("21 CFR 11.10(j)")
def test_another_version_of_the_policy_is_accepted_again():
    with strict_site(accept=True, version='"2"') as site:
        qp = in_session(site)
        accept_policy(site, qp, "signatures", LOGIN)
        [policy] = [p for p in read_signer(site, qp)["policies"] if p["policy"] == "signatures"]
        assert (policy["version"], policy["accepted"]) == ("2", True)

        newer = with_registry(site, strict_registry(accept=True, version='"3"'), (), version=0)
        intent = an_intent(newer, qp)
        with pytest.raises(Refused, match="version 3 of the policy"):
            sign_intent(newer, qp, intent, LOGIN)
        # The control: by the version that was accepted it is signed.
        assert sign_intent(site, qp, an_intent(site, qp, "M-2"), LOGIN)


def test_a_policy_may_ask_for_a_second_factor():
    with strict_site(second_factor=True) as site:
        qp = in_session(site)
        with pytest.raises(Refused, match="second factor"):
            sign_intent(site, qp, an_intent(site, qp), LOGIN)


@pytest.mark.clause("21 CFR 11.10(i)")
def test_a_training_counts_from_its_first_to_its_last_day(site):
    admin, demand = site.system_context(), SignatureDemand(meaning="released", training=("SOP-7",))

    def missing(day):
        at = replace(in_session(site), at=site.sources.now().replace(month=day.month, day=day.day))
        with site.store.read() as session:
            return [r.message for r in standing_refusals(site, session, at, demand)]

    assert "no training is recorded" in missing(date(2026, 6, 1))[0]
    span = (date(2026, 6, 2), date(2026, 6, 10))
    record_training(site, admin, "qp", TrainingInput("SOP-7", "test", *span))
    lacking = [bool(missing(date(2026, 6, day))) for day in (1, 2, 10, 11)]
    assert lacking == [True, False, False, True]
    assert "ended on 2026-06-10" in missing(date(2026, 6, 11))[0]


@pytest.mark.clause("21 CFR 11.100(b)")
def test_nobody_identifies_trains_or_unlocks_himself(site):
    admin = a_user(site, ["admin"])
    login = admin.actor.login
    with pytest.raises(Refused, match="his own identity"):
        verify_identity(site, admin, login, method="mirror", evidence="face")
    with pytest.raises(Refused, match="his own training"):
        record_training(site, admin, login, TrainingInput("SOP-7", "read it"))
    with pytest.raises(Refused, match="nobody unlocks"):
        unlock_signer(site, admin, login, reason="me")


def test_a_disabled_account_signs_nothing(site):
    qp = in_session(site)
    intent = an_intent(site, qp)
    with site.store.write(site.system_context()) as work:
        row = work.session.exec(select(UserAccount).where(UserAccount.login == "qp")).one()
        work.change(row, state="disabled")
        work.log("user.disable", "user", row.uid)
    with pytest.raises(Denied, match="switched off"):
        sign_intent(site, qp, intent, LOGIN)
    assert read_signer(site, site.system_context(), "qp")["failed"] == 0
    assert isinstance(site, Site) and text_of(site, "M-1", "state") == "quarantine"


@pytest.mark.clause("21 CFR 11.300(a)")
@pytest.mark.clause("21 CFR 11.100(a)")
def test_a_login_that_existed_is_never_given_to_somebody_else(site):
    a_user(site, ["qp"])
    system, change = site.system_context(), UserChange(state="disabled", reason="left the company")
    for login in ("QP", "qp"):
        with pytest.raises(InputRejected) as refused:
            add_user(site, system, NewUser(login, "Somebody Else", ("qa",)))
        assert [fault.code for fault in refused.value.faults] == ["QT463"]
        change_user(site, system, "qp", change)  # nor is it free when its person has left
    assert add_user(site, system, NewUser("qp2", "Somebody Else", ("qa",)))  # the control
