"""Verdict and element string equal the reference vectors, part by part and as one answer."""

import json
from typing import Any

import pytest

from qtcore.builtin.gs1.associations import check_associations
from qtcore.builtin.gs1.carriers import make_scan, read_scan
from qtcore.builtin.gs1.elements import BadCode, read_bracketed, read_raw, write_raw
from qtcore.builtin.gs1.links import make_link, read_link
from qtcore.builtin.gs1.reading import read_code

Vector = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared_data) -> list[Vector]:
    found: list[Vector] = json.loads((shared_data / "gs1/vectors.json").read_bytes())["vectors"]
    return found


def of_kind(vectors: list[Vector], kind: str) -> list[Vector]:
    chosen = [vector for vector in vectors if vector["kind"] == kind]
    assert chosen
    return chosen


def written(elements: Any) -> tuple[bool, str]:
    return (False, "") if elements.problems else (True, write_raw(elements.listed))


def test_bracketed_text_becomes_the_element_string(vectors):
    for vector in of_kind(vectors, "bracketed_to_fnc1"):
        got = written(read_bracketed(vector["input"]))
        assert got == (vector["ok"], vector["expect"]), vector


def test_raw_element_strings_are_judged(vectors):
    for vector in of_kind(vectors, "raw_element_string"):
        assert (not read_raw(vector["input"]).problems) == vector["ok"], vector


def test_associations_are_judged(vectors):
    for vector in of_kind(vectors, "ai_association"):
        read = read_bracketed(vector["input"])
        problems = [*read.problems, *check_associations(read.listed)]
        assert (not any(p.is_fatal for p in problems)) == vector["ok"], vector


def test_digital_links_become_the_element_string(vectors):
    for vector in of_kind(vectors, "digital_link_parse"):
        assert written(read_link(vector["input"])) == (vector["ok"], vector["expect"]), vector


def test_digital_links_are_written(vectors):
    for vector in of_kind(vectors, "digital_link_generate"):
        try:
            got = make_link(read_bracketed(vector["input"]).listed, vector["stem"])
        except BadCode:
            got = ""
        assert got == vector["expect"], vector


def test_scanned_data_are_read(vectors):
    for vector in of_kind(vectors, "scan_data"):
        got = read_scan(vector["input"])
        assert got.problem is None or not vector["ok"], vector
        assert (got.symbology, got.message) == (vector["symbology"], vector["expect"]), vector


def test_scanned_data_are_written(vectors):
    for vector in of_kind(vectors, "make_scan_data"):
        try:
            got = make_scan(vector["symbology"], vector["input"])
        except BadCode:
            got = "NULL"
        assert got == vector["expect"], vector


def test_one_answer_holds_for_every_notation(vectors):
    read = [v for v in vectors if v["kind"] not in ("make_scan_data", "digital_link_generate")]
    for vector in read:
        got = read_code(vector["input"])
        assert got.is_accepted == vector["ok"], (vector, got.problems)
        if vector["ok"] and "expect" in vector:
            assert got.element_string == vector["expect"], vector
