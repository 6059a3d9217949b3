"""What went wrong in the ten weeks: deviations, out-of-limit results, a reject, a hold, a return.

It must not know how batches are made when nothing goes wrong; see `qtcore.demo.plants`.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from qtcore.demo.data import filled, read_data
from qtcore.demo.plants import (
    LOW_YIELD,
    Batch,
    release_lot,
    ship_batch,
    test_lot,
    write_records,
)
from qtcore.demo.story import Act, Held, Making, Story
from qtcore.errors import Refused
from qtcore.services.events import Line
from qtcore.services.holds import place_hold

BLOCKED = "IB26006"
REJECTED = "PB26007"
ON_HOLD = "CR26006"
CORRECTED = "PC26005"
CONFLICTING = "IB26008"
RETURNED = "IB26003"


def plan_incidents(story: Story, batches: Mapping[str, Batch]) -> None:
    """Plan everything that went wrong, and what people did about it."""
    batches[BLOCKED].typed["dissolution"] = "72"
    batches[REJECTED].typed["salmonella"] = "detected"
    batches[CORRECTED].typed["assay"] = "10.02"
    story.at(18, 8, partial(_bad_lactose, story))
    story.at(26, 9, partial(_low_yield, batches[LOW_YIELD]))
    story.at(38, 9, partial(test_lot, batches[REJECTED]))
    story.at(38, 11, partial(_salmonella, batches[REJECTED]))
    story.at(40, 9, partial(_transport_damage, batches[RETURNED]))
    story.at(41, 9, partial(test_lot, batches[BLOCKED]))
    story.at(42, 9, partial(_slow_dissolution, batches[BLOCKED]))
    for day, act in ((41, test_lot), (42, write_records), (43, release_lot), (44, ship_batch)):
        story.at(day, 15, partial(act, batches[ON_HOLD]))
    story.at(48, 9, partial(_irritation, batches[ON_HOLD]))
    story.at(45, 14, partial(_typing_error, batches[CORRECTED]))
    story.at(54, 9, partial(_second_laboratory, batches[CONFLICTING]))
    for entry in read_data("quality")["records"]:
        story.at(entry["day"], 16, partial(_plain_record, story, batches, entry))


def _bad_lactose(story: Story) -> None:
    """A delivery whose identity fails: rejected with a signature, then destroyed."""
    lot = Held("EXC-LAC", "LA-666", "SUP-EXCELL", "kg", Decimal(40))
    today = story.now.date()
    values = {"containers": 2, "seals_intact": True, "label_matches": True}
    act = Act("warehouse", "receiving", "P-WH", party=lot.source, values=values)
    story.bring(act, (), [(lot, Making(lot.left, today + timedelta(days=700)))])
    story.test(lot, "identity", "false")
    data = {"test": "identity", "found": "sucrose", "limit": "lactose", "conclusion": "process"}
    uid = story.submit("oos", "analyst", data, [lot], title="Lactose LA-666: identity fails")
    _close_oos(story, uid)
    story.step(lot, "reject", "qa", "The identity test shows sucrose instead of lactose")
    _scrap(story, lot, "P-WH", cause="rejected")


def _close_oos(story: Story, uid: str) -> None:
    for transition, login in (("start_phase1", "analyst"), ("start_phase2", "analyst")):
        story.sign(uid, transition, login)
    story.sign(uid, "conclude", "analyst", "The repeated test confirms the first result")
    story.sign(uid, "close", "qa")


def _scrap(
    story: Story, lot: Held, place: str, *, cause: str, amount: Decimal | None = None
) -> None:
    values = {"cause": cause, "method": "incineration", "witness": "李娜 Li Na"}
    act = Act("warehouse", "scrapping", place, values=values, reason=f"Destroyed: {cause}")
    story.record(act, [Line(lot.ref(), "subject", amount or lot.left, lot.unit)])
    lot.left -= amount or lot.left


def _low_yield(batch: Batch) -> None:
    story = batch.story
    data = {
        "title": "Yield below the lower limit after packaging",
        "severity": "minor",
        "category": "yield",
        "area": "Blister line PK-01",
        "description": "520 boxes fewer than usual: the first reel of foil did not seal.",
        "other_batches": "none_affected",
        "root_cause": "Sealing plate 4 K too cold after the change of format.",
        "cause_method": "five_whys",
        "batch_decision": "use",
    }
    uid = story.submit("deviation", "operator", data, [batch.finished], title=data["title"])
    story.sign(uid, "investigate", "prodhead")
    story.sign(uid, "close", "qa", "Losses are explained; the packed boxes are not affected")


def _salmonella(batch: Batch) -> None:
    story, lot = batch.story, batch.finished
    oos = {"test": "salmonella", "found": "detected", "limit": "not detected in 25 g"}
    uid = story.submit("oos", "analyst2", oos, [lot], title=f"{lot.lot_no}: Salmonella detected")
    _close_oos(story, uid)
    data = {
        "title": "Salmonella in finished peanut butter",
        "severity": "critical",
        "category": "environment",
        "area": "Roasting and grinding",
        "description": "Water from a leaking roof reached the cooling belt behind the roaster.",
        "immediate_action": "Line stopped, swabs taken, batches before and after tested again.",
        "other_batches": "none_affected",
        "batch_decision": "reject",
    }
    deviation = story.submit("deviation", "pcqi", data, [lot], title=data["title"])
    story.sign(deviation, "investigate", "prodhead")
    story.sign(deviation, "close", "qa2", "Roof repaired, 60 swabs negative, batch rejected")
    story.step(lot, "reject", "qa", "Salmonella detected in 25 g; see the closed deviation")
    _scrap(story, lot, "F-FG", cause="rejected")


def _slow_dissolution(batch: Batch) -> None:
    """The lot that cannot be released: a failed test, an open OOS, an open deviation."""
    story, lot = batch.story, batch.finished
    story.step(lot, "start_testing", "analyst")
    oos = {
        "test": "dissolution",
        "found": "72 %",
        "limit": "80 to 110 %",
        "calculation_checked": True,
        "instrument_checked": True,
    }
    uid = story.submit("oos", "analyst", oos, [lot], title=f"{lot.lot_no}: dissolution 72 %")
    story.sign(uid, "start_phase1", "analyst")
    data = {
        "title": "Granulation ran past its end point",
        "severity": "major",
        "category": "process",
        "area": "Granulator GR-01",
        "description": "The power reading stuck; the wet mass was kneaded 9 minutes too long.",
        "immediate_action": "Granulator stopped, sensor replaced, batch marked.",
    }
    deviation = story.submit("deviation", "operator", data, [lot], title=data["title"])
    story.sign(deviation, "investigate", "prodhead")
    try:
        story.step(lot, "release", "qp")
    except Refused:
        return  # what the story wants: the attempt and its reasons stay in the ledger
    raise AssertionError(f"the rules let {lot.lot_no} go with a failed test")


def _transport_damage(batch: Batch) -> None:
    story, lot = batch.story, batch.finished
    amount = Decimal(240)
    values = {
        "cause": "transport_damage",
        "return_note": story.note_no(),
        "packaging_intact": False,
    }
    act = Act("warehouse", "returning", "P-FG", party="CUS-KANGDA", values=values)
    story.record(act, [Line(lot.ref(), "subject", amount, lot.unit)])
    lot.left += amount
    _scrap(story, lot, "P-FG", cause="damaged", amount=amount)


def _irritation(batch: Batch) -> None:
    story, lot = batch.story, batch.finished
    event = {
        "known_on": story.now.date().isoformat(),
        "reporter": "consumer",
        "reaction": "Redness and itching of the face after two days of use; three reports.",
        "body_site": "face",
        "seriousness": "general",
    }
    story.submit("adverse_event", "qa2", event, [lot], title=f"{lot.lot_no}: irritation")
    reason = "Three reports of skin irritation: what is in stock stays until they are judged"
    place_hold(story.site, story.context("qsr"), [lot.uid], reason)


def _typing_error(batch: Batch) -> None:
    reason = "The decimal point was typed in the wrong place; chromatogram 26-1182 says 100.2 %"
    batch.story.test(batch.finished, "assay", "100.2", correct=True, reason=reason)


def _second_laboratory(batch: Batch) -> None:
    batch.story.test(batch.finished, "assay", "96.2", origin="Contract laboratory Hangzhou")


def _plain_record(story: Story, batches: Mapping[str, Batch], entry: dict[str, Any]) -> None:
    """Submit a record of the file and make its steps."""
    lots = [batches[lot_no].finished for lot_no in entry.get("lots", ())]
    blanks = {"note": story.note_no(), "today": story.now.date().isoformat()}
    data = filled(entry["data"], blanks)
    uid = story.submit(entry["kind"], entry["by"], data, lots, title=entry["title"])
    for transition, login, *reason in entry.get("steps", ()):
        story.sign(uid, transition, login, reason[0] if reason else "")
