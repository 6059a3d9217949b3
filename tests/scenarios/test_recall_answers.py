"""What a recall answers: each promised field, bounds, what a count shows, what an undo leaves."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from qtcore.services.events import EventInput
from qtcore.services.holds import lift_holds_of
from qtcore.services.interchange import import_epcis
from qtcore.services.lots import get_lot
from qtcore.services.recall import Question, recall_scope
from qtcore.services.recall_cases import read_case
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.testing import a_context, line
from qtcore.testing.builders import EVERYTHING
from tests.epcis_words import a_document, an_event
from tests.scenarios.recall_dairy import made


def holds(answer: Any, path: str) -> bool:
    """Say whether an answer has what a path names, in the first of each list."""
    for name in path.split("."):
        if not isinstance(answer, dict) or name.removesuffix("[]") not in answer:
            return False
        answer = answer[name.removesuffix("[]")]
        if name.endswith("[]"):
            answer = next(iter(answer), None)
    return True


def test_every_field_that_the_documentation_names_is_in_the_answer(dairy):
    scope = recall_scope(dairy.site, dairy.everyone(), ["M-1"]).as_json()
    of_one = recall_scope(dairy.site, dairy.everyone(), ["Y-1"]).as_json()
    text = (Path(__file__).parents[2] / "docs" / "recalls.md").read_text("utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    named = [path for row in rows for path in re.findall("`([^`]+)`", row[2])]
    assert len(named) > 40
    assert [path for path in named if not (holds(scope, path) or holds(of_one, path))] == []
    assert not holds(scope, "lots[].shipped_to")


def test_how_much_of_the_seeds_is_in_a_lot_counts_from_zero_for_a_seed_that_may_be_none(
    dairy,
):
    site, now = dairy.site, dairy.site.sources.now()
    shared = EventInput(
        "production", (line(dairy.milk, "input", "10"), made("Y-3"), made("Y-4")), now
    )
    record_event(site, dairy.everyone(), shared)
    (divided,) = _contained(recall_scope(site, dairy.everyone(), ["M-1"]), "Y-3")
    assert (divided["lower"], divided["upper"], divided["likely"]) == ("5", "5", "5")

    span = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    # Nobody noted the temperature of the milk at its receipt: it may have been warm.
    unsure = Question(lots=("Y-1",), where="temperature_on_arrival > 8", **span)
    scope = recall_scope(site, dairy.everyone(), unsure)
    assert [c["lower"] for c in _contained(scope, "M-1")] == ["0"]
    assert [(c["lower"], c["upper"]) for c in _contained(scope, "Y-2")] == [("0", "20")]
    assert [c["lower"] for c in _contained(scope, "Y-1")] == ["40"]


def _contained(scope, lot_no: str):
    return next(lot["contains"] for lot in scope.as_json()["lots"] if lot["lot_no"] == lot_no)


def test_a_lifted_hold_leaves_what_happened_meanwhile_as_if_it_had_never_been(dairy):
    def seen() -> dict[str, Any]:
        lot = get_lot(dairy.site, dairy.everyone(), dairy.first.uid).as_json()
        scope = recall_scope(dairy.site, dairy.everyone(), ["Y-1"]).as_json()
        told = {name: lot[name] for name in ("state", "holds", "stock")}
        return {**told, "orders": scope["open_orders"], "balance": scope["balance"]}

    before = seen()
    recall = dairy.start()
    dairy.give_back("SHOP-A", "4")
    held = seen()
    assert held["holds"] and [o["is_stopped"] for o in held["orders"]] == [True]
    lift_holds_of(dairy.site, dairy.everyone(), recall.record_id, "another vat")

    after = seen()
    assert after["stock"]["quantity"] == "28"  # what came back is there, nothing is as before it
    assert {**after, "stock": 0, "balance": 0} == {**before, "stock": 0, "balance": 0}
    dairy.ship("SHOP-B", "28")


def test_what_a_count_did_not_find_stays_open_and_a_surplus_elsewhere_does_not_hide_it(dairy):
    recall = dairy.start()
    for lot, counted in ((dairy.first, "20"), (dairy.second, "24")):
        event = EventInput(
            "observation", (line(lot, "subject", counted),), dairy.site.sources.now(),
            step="stock_taking",
        )  # fmt: skip
        record_event(dairy.site, dairy.everyone(), event)

    scope = recall_scope(dairy.site, dairy.everyone(), ["M-1"]).as_json()
    assert scope["balance"]["unaccounted"] == {dairy.first.uid: "4", dairy.second.uid: "-4"}
    (total,) = read_case(dairy.site, dairy.everyone(), recall.number).reconciled.totals
    assert (total["missing_inside"], total["unaccounted"]) == ("8", "24")


def test_what_was_shipped_and_received_names_its_order(site: Site) -> None:
    lot = "urn:epc:class:lgtin:4012345.012345.998877"
    orders = [
        {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:PO-1"},
        {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:N-1"},
    ]
    shop = {"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00001"}
    farm = {"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00002"}
    came = an_event(
        eventID="urn:x:in", bizStep="receiving", action="ADD", sourceList=[farm],
        bizTransactionList=[{"bizTransaction": "https://example.org/po/7", "type": "po"}],
    )  # fmt: skip
    left = an_event(eventID="urn:x:out", destinationList=[shop], bizTransactionList=orders)
    data = json.dumps(a_document(came, left)).encode()
    import_epcis(site, site.system_context(), [("x.jsonld", data)])
    scope = recall_scope(site, a_context(site, EVERYTHING), [lot]).as_json()
    told = [scope[name][0]["lots"][0] for name in ("shipped_sales_orders", "purchase_orders")]
    assert [row["order_nos"] for row in told] == [["PO-1"], ["7"]]
