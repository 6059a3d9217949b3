"""A recall notice names lots in words; the ones it means here are found, the rest is asked."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import InputRejected
from qtcore.services.lot_text import NamedLots, find_lots_in_text
from qtcore.services.site import Site
from qtcore.testing import a_context, a_received_lot, a_site, an_item

NUMBERS = ("00112", "00500", "10412", "10413", "500", "L-7", "L-9")


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    url = "sqlite://"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_server").new_database())
    with a_site(url) as site:
        an_item(site, "BRIE")
        an_item(site, "CURD")
        for number in NUMBERS:
            a_received_lot(site, "BRIE", number)
        a_received_lot(site, "CURD", "10412")
        yield site


def named(site: Site, text: str, item: str = "") -> NamedLots:
    return find_lots_in_text(site, a_context(site), text, item=item)


def lots(found: NamedLots) -> list[tuple[str, str]]:
    return [(info.item_code, info.lot_no) for info in found.lots]


def test_a_range_brings_the_lots_inside_it_with_their_zeros(site):
    found = named(site, "lots 00112 through 10412", "BRIE")
    assert lots(found) == [("BRIE", "00112"), ("BRIE", "00500"), ("BRIE", "10412")]
    assert found.is_decided


def test_a_number_of_two_items_is_ambiguous_and_an_unknown_one_is_named(site):
    found = named(site, "lots 10412 and 4711")
    assert (found.ambiguous, found.unknown, found.is_decided) == (("10412",), ("4711",), False)
    assert {item for item, _ in lots(found)} == {"BRIE", "CURD"}


def test_all_lots_needs_an_item(site):
    assert named(site, "all lots").as_json()["doubts"][0]["reason"].startswith("of which item")
    assert len(named(site, "all lots", "BRIE").lots) == len(NUMBERS)
    assert ("BRIE", "L-7") not in lots(named(site, "all lots except L-7", "BRIE"))


def test_an_unknown_item_is_refused(site):
    with pytest.raises(InputRejected, match="no item 'X'"):
        named(site, "lots 1 to 3", "X")


def test_the_command_reads_without_a_database(tmp_path):
    url = f"sqlite:///{tmp_path / 'none.db'}"
    done = CliRunner().invoke(app, ["lots", "lots 0012 through 0015", "--json", "--db", url])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["ranges"] == [{"first": "0012", "last": "0015", "count": 4}]
    open_text = CliRunner().invoke(app, ["lots", "Lot 12345-12350", "--db", url])
    assert (open_text.exit_code, "either 12345-12350 or" in open_text.stdout) == (1, True)
