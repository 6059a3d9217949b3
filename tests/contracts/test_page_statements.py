"""How many statements a page or an answer of the API sends, and that more lots send no more.

A number may fall. One that rises was added to every look at such a page; a second number that
differs from the first is a statement for each lot.
"""

from collections.abc import Iterator

import pytest

from qtcore.testing import a_made_lot, a_received_lot, a_site, release
from tests.statements import counted
from tests.web import Web, make_web

MOST = {
    "/l/{lot}": 52,  # one of them: the devices to choose from for a test result
    "/l/{lot}/release": 31,
    "/trace?lot={lot}": 24,
    "/search?q=M-": 15,
    "/ledger": 18,  # one of them: the numbers of what its rows are about
    "/": 27,
    "/api/v1/lots": 6,
    "/api/v1/lots/{lot}": 29,
    "/api/v1/lots/{lot}/release": 21,
    "/api/v1/lots/{lot}/trace": 22,
    "/api/v1/ledger": 15,
    "/api/v1/signatures": 12,
}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        yield make_web(site)


def _made(web: Web, number: int) -> str:
    raws = [a_received_lot(web.site, lot_no=f"M-{number}-{at}") for at in range(number)]
    for raw in raws:
        release(web.site, raw)
    return a_made_lot(web.site, "CHEESE", f"C-{number}", [(raw, "1") for raw in raws]).uid


@pytest.mark.heavy
def test_pages_and_answers_send_a_bounded_number_of_statements_however_many_lots(web):
    sent: dict[str, list[int]] = {path: [] for path in MOST}
    with web.person() as person, web.program() as program:
        for number in (1, 4):
            lot = _made(web, number)
            for path in MOST:
                client = program if path.startswith("/api") else person
                client.get(path.format(lot=lot))
                with counted() as statements:
                    assert client.get(path.format(lot=lot)).status_code == 200
                sent[path].append(len(statements))
    assert {path: few for path, (few, _) in sent.items()} == {
        path: many for path, (_, many) in sent.items()
    }
    assert {path: many for path, (_, many) in sent.items() if many > MOST[path]} == {}
