"""A scanned code finds the lot, unit or pallet it stands for, whoever named it and how."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import Ambiguous, Denied
from qtcore.services.interchange import import_epcis
from qtcore.services.lots import get_lot, search
from qtcore.services.scanning import scan
from qtcore.services.site import Site
from qtcore.testing import a_context, a_received_lot, a_site, an_item
from tests.epcis_words import a_document, an_event

GTIN = "09506000134352"


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as site:
        yield site


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def each_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    url = "sqlite://"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    with a_site(url) as site:
        yield site


def scanned(site: Site, text: str) -> list[str]:
    return [
        str(match["lot_id"]) for match in scan(site, a_context(site), text).as_json()["matches"]
    ]


def test_gtin_and_lot_number_find_the_lot_in_every_notation(each_site):
    site = each_site
    an_item(site, "BRIE", extra={"gtin": GTIN})
    lot = a_received_lot(site, "BRIE", "A/1")
    a_received_lot(site, "BRIE", "A/2")

    for text in (
        f"(01){GTIN}(10)A/1(17)270600",
        f"]C101{GTIN}1727060010A/1",
        f"^01{GTIN}10A/1",
        f"https://cheese.example/01/{GTIN}/10/A%2F1?17=270600",
        "urn:epc:class:lgtin:9506000.013435.A%2F1",
    ):
        assert scanned(site, text) == [lot.uid]
        assert search(site, a_context(site), text)[0].uid == lot.uid
        assert get_lot(site, a_context(site), text).info.uid == lot.uid


def test_an_imported_lot_unit_and_pallet_are_found_by_their_global_names(site):
    epcs = ["urn:epc:id:sgtin:0614141.107346.2017", "urn:epc:id:sscc:0614141.1234567890"]
    lots = [{"epcClass": "urn:epc:class:lgtin:4012345.012345.99"}]
    event = an_event(action="ADD", epcList=epcs, quantityList=lots)
    import_epcis(
        site, a_context(site, ["admin"]), [("a.json", json.dumps(a_document(event)).encode())]
    )

    kinds = [
        [(m.kind, m.lot_no) for m in scan(site, a_context(site), text).matches]
        for text in (
            "(01)10614141073464(21)2017",
            "(00)106141412345678908",
            "]C100106141412345678908",
            "https://x.example/01/04012345123456/10/99",
        )
    ]
    pallet = [("logistic_unit", "106141412345678908")]
    assert kinds == [[("unit", "2017")], pallet, pallet, [("lot", "99")]]


def test_a_pallet_nobody_knows_is_found_by_the_lot_on_its_label(site):
    an_item(site, "BRIE", extra={"gtin": GTIN})
    lot = a_received_lot(site, "BRIE", "A")

    assert scanned(site, f"(00)106141412345678908(02){GTIN}(37)12(10)A") == [lot.uid]


def test_one_number_of_two_suppliers_gives_both_as_candidates(site):
    an_item(site, "BRIE", extra={"gtin": GTIN})
    both = {a_received_lot(site, "BRIE", "7", source=who).uid for who in ("NORTH", "SOUTH")}

    assert set(scanned(site, f"(01){GTIN}(10)7")) == both == set(scanned(site, "(10)7"))
    with pytest.raises(Ambiguous, match="fits 2 lots"):
        get_lot(site, a_context(site), f"(01){GTIN}(10)7")


def test_a_code_of_our_own_is_accepted_when_it_names_something(site):
    lot = a_received_lot(site, lot_no="M-1")

    found = scan(site, a_context(site), "M-1").as_json()
    assert (found["accepted"], found["notation"]) == (True, "own")
    assert [match["lot_id"] for match in found["matches"]] == [lot.uid]
    assert not scan(site, a_context(site), "M-2").is_accepted


def test_a_bad_code_matches_nothing(site):
    an_item(site, "BRIE", extra={"gtin": GTIN})
    a_received_lot(site, "BRIE", "A")

    assert scanned(site, f"(01){GTIN[:-1]}3(10)A") == []
    assert scanned(site, f"(01){GTIN}(10)A") != []


def test_scanning_needs_the_right_to_see_lots(site):
    with pytest.raises(Denied, match="lot"):
        scan(site, a_context(site, ()), f"(01){GTIN}")


@pytest.mark.parametrize(
    ("text", "code"), [(f"(01){GTIN}(10)A", 0), (f"(01){GTIN[:-1]}3(10)A", 1)], ids=["good", "bad"]
)
def test_the_command_reads_codes_without_a_database(tmp_path, text, code):
    db = f"sqlite:///{tmp_path / 'none.db'}"
    result = CliRunner().invoke(app, ["scan", text, "--json", "--db", db])

    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["accepted"]) == (code, code == 0)
    assert answer["matches"] == []
    assert not (tmp_path / "none.db").exists()


def test_the_command_says_in_words_what_is_wrong(tmp_path):
    db = f"sqlite:///{tmp_path / 'none.db'}"
    result = CliRunner().invoke(app, ["scan", "(01)1", "--db", db])

    assert result.exit_code == 1
    assert "! QT732 (01) GTIN: '1' is too short; accepted: 14 signs: digits" in result.stdout
