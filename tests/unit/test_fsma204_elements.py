"""Every key data element of 21 CFR part 1 subpart S has a place where it is kept."""

import json
from pathlib import Path

import pytest

import qt_food
from qtcore.definitions.read import PackFolder, read_pack

# Kept by the event or its lots and items: quantity, dates and places of the event, codes, product.
KEPT_BY_EVENT = {
    "harvesting": "iii vii",
    "cooling_before_initial_packing": "iii iv v",
    "initial_packing": "3 11 12 13 14 15",
    "initial_packing_sprouts_extra": "",
    "initial_packing_from_exempt_supplier": "3 5 6 7 8 9",
    "first_land_based_receiving": "a c e f",
    "shipping": "1 2 3 5 6 7",
    "receiving": "1 2 3 5 6 7",
    "receiving_from_exempt_supplier": "2 3 5 6",
    "transformation": "1.i 1.ii 1.iii 2.i 2.ii 2.iii 2.iv 2.v",
}
EVENTS = {
    "harvesting": "harvesting",
    "cooling_before_initial_packing": "cooling",
    "initial_packing": "initial_packing",
    "initial_packing_sprouts_extra": "initial_packing",
    "initial_packing_from_exempt_supplier": "initial_packing_exempt",
    "first_land_based_receiving": "first_land_based_receiving",
    "shipping": "shipping_food",
    "receiving": "receiving_food",
    "receiving_from_exempt_supplier": "receiving_food_exempt",
    "transformation": "transformation_food",
}


@pytest.fixture(scope="module")
def pack() -> PackFolder:
    return read_pack([Path(qt_food.__file__).parent])


def cited(pack: PackFolder, event: str) -> set[str]:
    events = {each.definition.id: each.definition for each in pack.definitions["events"]}
    forms = {each.definition.id: each.definition for each in pack.definitions["forms"]}
    properties = forms[events[event].form].schema_["properties"].values()
    sources = [schema.get("x-qt", {}).get("source", {}) for schema in properties]
    return {f"{source.get('law', '')}{source.get('clause', '')}" for source in sources}


@pytest.mark.parametrize("record", EVENTS)
def test_every_element_is_asked_for_or_kept_by_the_event(
    pack: PackFolder, shared_data: Path, record: str
) -> None:
    wanted = json.loads((shared_data / "fsma204/kde_by_cte.json").read_text(encoding="utf-8"))
    told = wanted["critical_tracking_events"][record]
    base = "21 CFR " + told["cfr"]
    clauses = {
        each["para"]: base + "".join(f"({part})" for part in each["para"].split("."))
        for each in told["kdes"]
    }
    asked = {para for para, clause in clauses.items() if clause in cited(pack, EVENTS[record])}
    assert asked | set(KEPT_BY_EVENT[record].split()) == set(clauses)


def test_conditional_elements_stand_under_their_condition(pack: PackFolder) -> None:
    forms = {each.definition.id: each.definition for each in pack.definitions["forms"]}
    packing = forms["initial_packing"].schema_["properties"]
    conditions = {
        name: packing[name]["x-qt"]["required_when"]
        for name in ("field_name", "container_name", "cooled_at", "cooled_on", "seed_supplier")
    }
    assert conditions == {
        "field_name": "growing_kind == 'produce'",
        "container_name": "growing_kind == 'aquaculture'",
        "cooled_at": "was_cooled",
        "cooled_on": "was_cooled",
        "seed_supplier": "is_sprouts",
    }


def test_no_element_is_claimed_that_the_rule_does_not_know(
    pack: PackFolder, shared_data: Path
) -> None:
    text = (shared_data / "fsma204/kde_by_cte.json").read_text(encoding="utf-8")
    told = json.loads(text)["critical_tracking_events"].values()
    sections = {each["cfr"].split("(")[0] for each in told}
    claimed = {clause.split("(")[0] for event in EVENTS.values() for clause in cited(pack, event)}
    assert claimed - {""} == {f"21 CFR {section}" for section in sections}
