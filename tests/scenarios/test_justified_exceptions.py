"""A rule that may be justified: one person signs why, another one releases."""

import pytest

from qtcore.errors import InputRejected, Refused
from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.overrides import justify_rules
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.release import explain_release
from qtcore.services.results import ResultInput, record_result
from qtcore.services.sign_proofs import Proof
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import PASSWORD, a_received_lot, a_user, release, text_of

PROVEN = Proof(PASSWORD)
WHY = "the deviation concerns the label of the carton only"


@pytest.fixture
def lot(site):
    """A lot with a minor deviation that is open: rule CORE-02 objects and may be justified."""
    made = a_received_lot(site)
    entry = RecordInput({"title": "Label torn", "severity": "minor"}, [made.uid])
    record = submit_record(site, a_user(site, ["operator"]), "deviation", entry).record
    assert read_record(site, a_user(site, ["qa"]), record.uid).lots == (made.uid,)
    return made


def justify(site, lot, *, roles=("qa",), rules=("CORE-02",), why=WHY, proof=PROVEN):
    return justify_rules(site, a_user(site, roles), lot.uid, (rules, why, proof))


def test_control_without_a_justification_the_rule_stops_the_release(site, lot):
    with pytest.raises(Refused) as refused:
        release(site, lot)
    assert [each.code for each in refused.value.refusals] == ["CORE-02"]


def test_a_second_person_releases_what_a_first_one_justified(site, lot):
    justify(site, lot)
    release(site, lot)
    decided = explain_release(site, a_user(site, ["qp"]), lot.uid).decided
    assert decided is not None
    verdicts = {each["rule"]: each["outcome"] for each in decided.verdicts}
    assert verdicts["CORE-02"] == "fail"  # what was found is kept, not painted over
    seal(site)
    assert check_database(site, site.system_context()).violations == ()


def test_who_justified_does_not_release(site, lot):
    justify(site, lot, roles=("qp",))
    with pytest.raises(Refused, match="deviation"):
        release(site, lot, roles=("qp",))
    assert text_of(site, lot, "state") == "quarantine"


def test_a_justification_counts_for_the_lot_as_it_was(site, lot):
    justify(site, lot)
    record_result(site, a_user(site, ["qc_analyst"]), lot.uid, ResultInput("fat", "3.4"))
    with pytest.raises(Refused, match="deviation"):
        fire_transition(
            site, a_user(site, ["qp"]), ("lot", lot.uid), Step("release", password=PASSWORD)
        )


@pytest.mark.parametrize(
    ("rules", "why", "code"),
    [
        (("CORE-05",), WHY, "QT479"),
        (("NO-SUCH",), WHY, "QT479"),
        ((), WHY, "QT479"),
        (("CORE-02",), " ", "QT451"),
    ],
    ids=["rule without a way round", "unknown rule", "no rule", "no words"],
)
def test_what_nobody_may_justify_is_named(site, lot, rules, why, code):
    with pytest.raises(InputRejected) as refused:
        justify(site, lot, rules=rules, why=why)
    assert [fault.code for fault in refused.value.faults] == [code]


def test_a_justification_is_signed(site, lot):
    with pytest.raises(Refused, match="wrong"):
        justify(site, lot, proof=Proof("guess"))
