"""What a food lot and a cosmetics lot need for release, judged by the shipped rules."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

import qt_cosmetics
import qt_food
from qtcore.definitions.folders import base_folders
from qtcore.engines import expressions
from qtcore.engines.rules import RuleOutcome, judge
from qtcore.pack import FolderPack
from qtcore.registry.load import load_packs
from qtcore.registry.registry import Registry

TODAY = date(2026, 11, 20)
LATER = date(2028, 7, 20)

CORE = {
    "record_complete": True,
    "open_deviations": 0,
    "open_critical_deviations": 0,
    "oos_open": 0,
    "tests_missing": 0,
    "tests_failed": 0,
    "conflicting_results": 0,
    "inputs_unreleased": 0,
    "inputs_expired_at_use": 0,
    "inputs_recalled": 0,
    "inputs_held": 0,
    "holds_active": 0,
    "balance_ok": True,
    "discrepancies_open": 0,
    "expiry_on": date(2029, 1, 1),
    "days_to_expiry": 772,
    "changes_open": 0,
    "complaints_open": 0,
    "item_kind": "finished",
    "manufactured_on": date(2026, 11, 1),
}
FOOD = {
    **CORE,
    "market": "CN",
    "minimum_remaining_days": 30,
    "ready_to_eat": True,
    "has_kill_step": False,
    "target_group": "general",
    "ftl_status": "not_listed",
    "storage_class": "chilled_0_4",
    "hold_until_result": True,
    "imported_food": False,
    "additives_within_limits": True,
    "additive_checks": 0,
    "additive_checks_over_open": 0,
    "batches": 0,
    "contaminant_plan": False,
    "allergens_contained": ("eggs", "soy"),
    "label_allergens": ("eggs", "soy", "milk"),
    "label_version_approved": "L3",
    "label_version_used": "L3",
    "changeover_needed": False,
    "inspection_certificate_no": "FI-1",
    "ccp_checks_planned": 2,
    "foreign_body_checks_planned": 2,
    "salmonella_ok": True,
    "listeria_ok": True,
    "enterobacteriaceae_ok": True,
    "net_content_ok": True,
    "seal_ok": True,
    "ccp_checks": 2,
    "ccp_out_of_limit_open": 0,
    "ccp_unreviewed": 0,
    "changeovers_passed": 0,
    "changeovers_failed_open": 0,
    "foreign_body_checks_passed": 2,
    "foreign_body_checks_failed_open": 0,
    "label_checks_at_start": 1,
    "label_checks_at_end": 1,
    "label_checks_failed_open": 0,
    "zone1_findings_open": 0,
    "temperature_excursions_open": 0,
}
COSMETIC = {
    **CORE,
    "market": "CN",
    "cn_product_class": "special",
    "cn_registration_no": "国妆特字20240001",
    "cn_registration_valid_to": date(2029, 1, 1),
    "is_contract_made": False,
    "formula_version_registered": "F2",
    "formula_version": "F2",
    "ingredients_compliant": True,
    "challenge_test_result": "A",
    "age_group": "adult",
    "micro_category": "cat2",
    "artwork_version_approved": "A1",
    "artwork_version": "A1",
    "claims_evidence": "complete",
    "heavy_metals_per_lot": False,
    "batch_mark_verified": True,
    "retain_quantity": Decimal("12"),
    "inspection_quantity": Decimal("6"),
    "retained_in_original_pack": True,
    "aerobic_count": Decimal("150"),
    "yeast_mould_count_ok": True,
    "p_aeruginosa_ok": True,
    "s_aureus_ok": True,
    "c_albicans_ok": True,
    "cosmetic_label_checks_passed": 1,
    "cosmetic_label_checks_failed_open": 0,
    "forbidden_claims_open": 0,
    "cosmetic_reviews_done": 1,
    "plant_releases": 1,
    "market_releases": 0,
    "adverse_events_serious_open": 0,
}
EU_COSMETIC = {
    **COSMETIC,
    "market": "EU",
    "cpnp_ref": "1234567",
    "pif_complete": True,
    "has_nanomaterial": False,
    "fragrance_allergens": ("Limonene",),
    "label_fragrance_allergens": ("Limonene", "Linalool"),
}
US_FOOD = {
    **FOOD,
    "market": "US",
    "ftl_status": "contains_listed",
    "tlc": "TLC-1",
    "tlc_source_location": "PLANT",
    **dict.fromkeys(
        ["packed_first_here", "packed_first_exempt", "landed_here", "received_food"], False
    ),
    "received_food_exempt": False,
    "transformed_food": True,
}
RAW_FOOD = {
    **CORE,
    "item_kind": "raw",
    "market": "CN",
    "storage_class": "chilled_0_4",
    "receiving_temperature": Decimal("3.5"),
    "cold_chain_max": Decimal("4.0"),
    "supplier_licence_no": "JY1",
    "food_certificate_no": "C1",
    "imported_food": False,
    "contaminant_plan": False,
    "zone1_findings_open": 0,
    "temperature_excursions_open": 0,
}
LOTS = {
    "food": ("food", FOOD),
    "us_food": ("food", US_FOOD),
    "raw_food": ("food", RAW_FOOD),
    "cosmetic": ("cosmetics", COSMETIC),
    "eu_cosmetic": ("cosmetics", EU_COSMETIC),
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    base = FolderPack(*base_folders())
    compiled = load_packs({"base": base, "food": qt_food, "cosmetics": qt_cosmetics})
    assert [str(problem) for problem in compiled.problems] == []
    assert compiled.registry is not None
    return compiled.registry


def judged(
    registry: Registry, industry: str, facts: Mapping[str, object], on: date = TODAY
) -> dict[str, RuleOutcome]:
    def evaluate(
        text: str, known: Mapping[str, object], rules: Mapping[str, bool | None]
    ) -> bool | None:
        value = expressions.evaluate(registry.expression(text), known, rules).value
        return value if isinstance(value, bool) else None

    rules = registry.rules_of("release", industry, on=on)
    return {outcome.id: outcome for outcome in judge(rules, facts, evaluate, on=on)}


def objections(
    registry: Registry, industry: str, facts: Mapping[str, object], on: date = TODAY
) -> set[str]:
    outcomes = judged(registry, industry, facts, on)
    return {name for name, outcome in outcomes.items() if outcome.blocks}


@pytest.mark.parametrize("lot", LOTS)
@pytest.mark.parametrize("on", [TODAY, LATER], ids=str)
def test_a_lot_with_everything_in_order_meets_no_objection(
    registry: Registry, lot: str, on: date
) -> None:
    industry, facts = LOTS[lot]
    assert objections(registry, industry, facts, on) == set()


@pytest.mark.parametrize("industry", ["food", "cosmetics"])
def test_a_finished_lot_of_which_nothing_is_known_is_refused_by_every_blocking_rule(
    registry: Registry, industry: str
) -> None:
    outcomes = judged(registry, industry, {"item_kind": "finished"})
    passed = {name for name, outcome in outcomes.items() if outcome.outcome == "pass"}
    assert passed == {"CORE-10"}


@pytest.mark.parametrize(
    ("lot", "change", "rule"),
    [
        ("food", {"ccp_checks": 1}, "FD-01"),
        ("food", {"ccp_out_of_limit_open": 1}, "FD-01"),
        ("food", {"ccp_unreviewed": 1}, "FD-02"),
        ("food", {"has_kill_step": True, "lethality_ok": False}, "FD-03"),
        ("food", {"salmonella_ok": False}, "FD-04"),
        ("food", {"listeria_ok": None}, "FD-04"),
        ("food", {"enterobacteriaceae_ok": False}, "FD-05"),
        ("food", {"zone1_findings_open": 1}, "FD-06"),
        ("food", {"label_allergens": ("eggs",)}, "FD-07"),
        ("food", {"rework_of": "S-1", "rework_allergens": ("fish",)}, "FD-07"),
        ("food", {"rework_of": "S-1"}, "FD-07"),
        ("food", {"label_version_used": "L2"}, "FD-08"),
        ("food", {"label_checks_at_end": 0}, "FD-08"),
        ("food", {"changeover_needed": True}, "FD-09"),
        ("food", {"foreign_body_checks_passed": 1}, "FD-10"),
        ("food", {"inspection_certificate_no": None}, "FD-12"),
        ("food", {"additives_within_limits": False}, "FD-13"),
        ("food", {"contaminant_plan": True, "contaminants_ok": False}, "FD-14"),
        ("food", {"seal_ok": False}, "FD-15"),
        ("food", {"temperature_excursions_open": 1}, "FD-16"),
        ("food", {"imported_food": True}, "FD-19"),
        ("food", {"target_group": "infant", "full_inspection": False}, "FD-20"),
        ("food", {"tests_missing": 1}, "FD-21"),
        ("raw_food", {"supplier_licence_no": None}, "FD-11"),
        ("raw_food", {"receiving_temperature": Decimal("4.1")}, "FD-16R"),
        ("us_food", {"tlc": None}, "FD-17"),
        ("us_food", {"tlc_source_location": None}, "FD-17"),
        ("us_food", {"transformed_food": False}, "FD-17"),
        ("cosmetic", {"formula_version": "F1"}, "CO-01"),
        ("cosmetic", {"ingredients_compliant": None}, "CO-02"),
        ("cosmetic", {"item_kind": "raw"}, "CO-03"),
        ("cosmetic", {"aerobic_count": Decimal("1001")}, "CO-04"),
        ("cosmetic", {"micro_category": "cat1"}, "CO-04"),
        ("cosmetic", {"tests_failed": 1}, "CO-05"),
        ("cosmetic", {"heavy_metals_per_lot": True}, "CO-06"),
        ("cosmetic", {"challenge_test_result": "fail"}, "CO-07"),
        ("cosmetic", {"artwork_version": "A0"}, "CO-09"),
        ("cosmetic", {"forbidden_claims_open": 1}, "CO-10"),
        ("cosmetic", {"cn_registration_valid_to": date(2026, 10, 31)}, "CO-11"),
        ("cosmetic", {"cn_product_class": "ordinary"}, "CO-11"),
        ("cosmetic", {"batch_mark_verified": False}, "CO-14"),
        ("cosmetic", {"retain_quantity": Decimal("11")}, "CO-15"),
        ("cosmetic", {"cosmetic_reviews_done": 0}, "CO-16"),
        ("cosmetic", {"plant_releases": 0}, "CO-17"),
        ("cosmetic", {"is_contract_made": True}, "CO-18"),
        ("cosmetic", {"age_group": "child_3_12", "child_mark": False}, "CO-20"),
        ("cosmetic", {"claims_evidence": "incomplete"}, "CO-22"),
        ("eu_cosmetic", {"label_fragrance_allergens": ("Linalool",)}, "CO-08"),
        ("eu_cosmetic", {"cpnp_ref": None}, "CO-11E"),
        ("eu_cosmetic", {"pif_complete": False}, "CO-12"),
        ("eu_cosmetic", {"has_nanomaterial": True}, "CO-21"),
    ],
    ids=str,
)
def test_each_rule_refuses_what_it_is_there_for(
    registry: Registry, lot: str, change: Mapping[str, object], rule: str
) -> None:
    industry, facts = LOTS[lot]
    changed = {name: value for name, value in {**facts, **change}.items() if value is not None}
    assert rule in objections(registry, industry, changed, LATER)


def test_the_us_traceability_rule_only_warns_until_it_is_enforced(registry: Registry) -> None:
    facts = {name: value for name, value in US_FOOD.items() if name != "tlc"}
    outcomes = judged(registry, "food", facts, TODAY)
    assert "FD-17" not in outcomes
    assert (outcomes["FD-17W"].outcome, outcomes["FD-17W"].severity) == ("fail", "warn")
