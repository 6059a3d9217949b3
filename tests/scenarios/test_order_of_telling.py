"""What does not fit is the same whatever was told first, and goes when it is explained."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from qtcore.services import discrepancies, epcis_settling, recording
from qtcore.services.balances import balance_lots
from qtcore.services.events import EventInput
from qtcore.services.holds import place_hold
from qtcore.services.import_runs import list_imports, undo_import
from qtcore.services.interchange import import_epcis
from qtcore.services.lots import get_lot
from qtcore.services.recall import recall_scope
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.lens import Lens
from qtcore.testing import FrozenClock, a_context, a_site, line
from qtcore.testing.builders import EVERYTHING
from tests.epcis_words import a_document, an_event

pytestmark = pytest.mark.heavy
Fact = dict[str, Any]
NUMBERS = count(1)
WRONG = {"errorDeclaration": {"declarationTime": "2026-03-09T00:00:00Z"}}


class Words:
    """Facts about lots and cases whose names no other test uses."""

    def __init__(self) -> None:
        self.number, self.events = next(NUMBERS), count()

    def lot(self, name: str = "A") -> str:
        return f"urn:epc:class:lgtin:4012345.012345.{name}{self.number}"

    def case(self, name: int = 1) -> str:
        return f"urn:epc:id:sscc:4012345.0{self.number:06d}{name:03d}"

    def amount(self, name: str, quantity: int, unit: str = "KGM") -> Fact:
        return {"epcClass": self.lot(name), "quantity": quantity, "uom": unit}

    def _event(self, hour: int, **changes: Any) -> Fact:
        moment = f"2026-03-01T{hour:02d}:00:00Z"
        name = f"urn:x:order:{self.number}:{next(self.events)}"
        common = {"eventID": name, "eventTime": moment, "eventTimeZoneOffset": "+00:00"}
        return an_event(**{**common, "quantityList": None, **changes})

    def told(self, hour: int, step: str, *amounts: Fact, action: str = "OBSERVE") -> Fact:
        return self._event(hour, bizStep=step, quantityList=list(amounts), action=action)

    def came(self, quantity: int = 10, hour: int = 1, step: str = "receiving") -> Fact:
        return self.told(hour, step, self.amount("A", quantity), action="ADD")

    def packed(self, hour: int, action: str = "ADD", content: bool = True) -> Fact:
        return self._event(
            hour,
            type="AggregationEvent",
            action=action,
            parentID=self.case(),
            bizStep="packing",
            childQuantityList=[self.amount("A", 10)] if content else None,
        )

    def nested(self, hour: int) -> Fact:
        return self._event(
            hour,
            type="AggregationEvent",
            action="ADD",
            parentID=self.case(2),
            bizStep="packing",
            childEPCs=[self.case(1)],
        )

    def case_left(self, hour: int, case: int = 1) -> Fact:
        return self._event(hour, bizStep="shipping", epcList=[self.case(case)])

    def part(self, hour: int, side: str, name: str) -> Fact:
        return self._event(
            hour,
            type="TransformationEvent",
            transformationID=f"urn:x:mix:{self.number}",
            **{f"{side}QuantityList": [self.amount(name, 1)]},
            **dict.fromkeys(("action", "bizStep")),
        )


@pytest.fixture(scope="module")
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def plant(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Site]:
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    with a_site(url, clock=clock) as site:
        yield site


def send(site: Site, *facts: Fact) -> None:
    data = json.dumps(a_document(*facts)).encode()
    assert import_epcis(site, site.system_context(), [("x.jsonld", data)]).stored


def gaps(site: Site, words: Words, name: str = "A") -> list[tuple[str, str]]:
    found = trace(site, site.system_context(), words.lot(name), "both").gaps
    return sorted((gap["kind"], _plain(gap["detail"], words)) for gap in found)


def _plain(text: str, words: Words) -> str:
    return text.replace(f"A{words.number}", "A").replace(f"mix:{words.number}", "mix")


def in_many_orders(site: Site, facts: Callable[[Words], Sequence[Fact]]) -> list[Any]:
    """Tell facts so that each comes last once, and the other way round; gives what differs."""
    size = len(facts(Words()))
    orders = [[(n + turn) % size for n in range(size)] for turn in range(size)]
    found: list[Any] = []
    for places in [*orders, orders[0][::-1]]:
        words = Words()
        told = facts(words)
        for place in places:
            send(site, told[place])
        if (answer := gaps(site, words)) not in found:
            found.append(answer)
    return found


def early(what: str) -> list[tuple[str, str]]:
    text = f"A was {what} on 2026-03-01T02:00+00:00, before it came into being on"
    return [("used_before_made", f"{text} 2026-03-01T05:00+00:00")]


def more_left(quantity: int) -> list[tuple[str, str]]:
    return [("negative_balance", f"{quantity} kg more left A than came in")]


UNIT = "unit 'XXX' is not declared in any pack; declare it (and 1 more)"
CASES: dict[str, tuple[Callable[[Words], Sequence[Fact]], list[tuple[str, str]]]] = {
    "how much is missing": (
        lambda w: (
            w.came(), w.told(2, "shipping", w.amount("A", 12)),
            w.told(3, "shipping", w.amount("A", 5)),
        ),
        more_left(7),
    ),
    "every unit nobody declared": (
        lambda w: (
            w.told(2, "shipping", w.amount("A", 1, "ZZZ")),
            w.told(3, "shipping", w.amount("A", 1, "XXX")),
        ),
        [
            ("unknown_unit", UNIT),
            ("unverified_lot", "A is only mentioned: nothing says where it came from"),
        ],
    ),
    "a case takes along what left before": (
        lambda w: (
            w.came(), w.packed(2), w.case_left(3), w.told(4, "shipping", w.amount("A", 10)),
        ),
        more_left(10),
    ),
    "a pallet takes along what a case holds": (
        lambda w: (
            w.came(), w.packed(2), w.nested(3), w.case_left(4, 2), w.case_left(5, 1),
        ),
        more_left(10),
    ),
    "sampled before it was made": (
        lambda w: (w.came(hour=5, step="commissioning"), w.told(2, "sampling", w.amount("A", 1))),
        early("sampled"),
    ),
    "packed before it was made": (
        lambda w: (w.came(hour=5, step="commissioning"), w.packed(2)),
        early("packed"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_told_alike_in_every_order(plant: Site, case: str):
    facts, answer = CASES[case]
    assert in_many_orders(plant, facts) == [answer]


def test_without_a_look_into_cases_the_order_would_matter(
    plant: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discrepancies, "_inside", lambda *told: set())
    facts, _ = CASES["a case takes along what left before"]
    assert len(in_many_orders(plant, facts)) > 1


def test_what_a_case_gave_up_before_cannot_be_taken_out_again(plant: Site):
    answers = []
    for turn in (1, -1):
        words = Words()
        told = [words.packed(3, "DELETE", content=False), words.packed(4, "DELETE")]
        for fact in [words.came(), words.packed(2), *told[::turn]]:
            send(plant, fact)
        answers.append([kind for kind, _ in gaps(plant, words)])
    assert answers == [["unpacked_not_inside"]] * 2


def test_a_declaration_that_names_other_lots_still_settles_what_it_takes_back(plant: Site):
    words = Words()
    wrong = words.told(2, "shipping", words.amount("A", 12))
    send(plant, words.came(), wrong)
    assert gaps(plant, words) == more_left(2)
    send(plant, {**wrong, **WRONG, "quantityList": [words.amount("B", 1)]})
    assert gaps(plant, words) == []


def test_what_left_in_a_case_comes_back_when_that_is_declared_wrong(plant: Site):
    words = Words()
    left = words.case_left(3)
    send(
        plant, words.came(), words.packed(2), left, words.told(4, "shipping", words.amount("A", 4))
    )
    assert gaps(plant, words) == more_left(4)
    send(plant, {**left, **WRONG})
    assert gaps(plant, words) == []


@pytest.mark.parametrize("turn", [1, -1], ids=["told first", "declared wrong first"])
def test_a_lot_whose_making_is_taken_back_is_only_mentioned(plant: Site, turn: int):
    words = Words()
    made = words.came(step="commissioning")
    for fact in [made, {**made, **WRONG}][::turn]:
        send(plant, fact)
    assert [kind for kind, _ in gaps(plant, words)] == ["unverified_lot"]


def expiry(site: Site, words: Words) -> date | None:
    return get_lot(site, a_context(site, EVERYTHING), words.lot()).info.expiry_on


def expiring(words: Words, day: str) -> Fact:
    ilmd = {"cbvmda:itemExpirationDate": day}
    return words.came(step="commissioning") | {"ilmd": ilmd}


def test_a_corrected_day_of_expiry_takes_the_place_of_the_wrong_one(plant: Site):
    for turn in (1, -1):
        words = Words()
        wrong, right = expiring(words, "2026-05-01"), expiring(words, "2027-05-01")
        for fact in [wrong, {**wrong, **WRONG}, right][::turn]:
            send(plant, fact)
        assert expiry(plant, words) == date(2027, 5, 1)
        assert gaps(plant, words) == []


def test_without_restating_the_wrong_day_would_stay(plant: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(epcis_settling, "_restate_lots", lambda *told: None)
    words = Words()
    wrong, right = expiring(words, "2026-05-01"), expiring(words, "2027-05-01")
    send(plant, wrong, {**wrong, **WRONG}, right)
    assert expiry(plant, words) == date(2026, 5, 1)


def test_a_transformation_of_which_one_part_is_missing_is_named_until_it_is_told(plant: Site):
    for parts in (("output", "B", "no_sources"), ("input", "A", "no_products")):
        words = Words()
        first, name, kind = parts
        other = "output" if first == "input" else "input"
        told = words.part(2, first, name)
        send(plant, words.came(), told)
        assert kind in [found for found, _ in gaps(plant, words, name)]
        missing = words.part(3, other, "B" if other == "output" else "A")
        send(plant, missing)
        assert gaps(plant, words, name) == []
        send(plant, {**missing, **WRONG})
        assert kind in [found for found, _ in gaps(plant, words, name)]


def test_an_import_that_is_taken_back_takes_its_part_of_a_transformation_along(plant: Site):
    words = Words()
    send(plant, words.came())
    send(plant, words.part(2, "input", "A"))
    run = list_imports(plant, plant.system_context())[0].as_json()["import_id"]
    send(plant, words.part(3, "output", "B"))
    assert len(trace(plant, plant.system_context(), words.lot("B"), "backward").edges) == 1
    undo_import(plant, plant.system_context(), run, reason="the wrong file")
    assert trace(plant, plant.system_context(), words.lot("B"), "backward").edges == ()
    assert [kind for kind, _ in gaps(plant, words, "B")] == ["no_sources"]


def test_what_a_command_explains_is_settled(plant: Site, clock: FrozenClock):
    words = Words()
    send(plant, words.came(), words.told(2, "shipping", words.amount("A", 12)))
    assert gaps(plant, words) == more_left(2)
    back = EventInput("returning", (line(words.lot(), "subject", "2"),), clock.now())
    record_event(plant, a_context(plant, EVERYTHING), back)
    assert gaps(plant, words) == []


def test_what_a_command_explains_would_stay_named_without_a_look(
    plant: Site, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recording, "_may_settle", lambda *told: False)
    words = Words()
    send(plant, words.came(), words.told(2, "shipping", words.amount("A", 12)))
    back = EventInput("returning", (line(words.lot(), "subject", "2"),), clock.now())
    record_event(plant, a_context(plant, EVERYTHING), back)
    assert gaps(plant, words) == more_left(2)


def test_a_held_lot_that_leaves_in_a_case_is_named(plant: Site, clock: FrozenClock):
    words = Words()
    send(plant, words.came(), words.packed(2))
    place_hold(plant, a_context(plant, EVERYTHING), [words.lot()], "glass")
    clock.advance(hours=2)
    left = words.case_left(3)
    left["eventTime"] = (clock.now() - timedelta(hours=1)).isoformat()
    send(plant, left)
    assert [kind for kind, _ in gaps(plant, words)] == ["shipped_on_hold"]


def test_facts_of_one_moment_are_told_alike_in_every_order(plant: Site):
    """Many a table knows days only: what was packed anew that day is inside, in kg as in grams."""

    def facts(words: Words) -> Sequence[Fact]:
        grams = words.told(1, "receiving", words.amount("A", 2000, "GRM"), action="ADD")
        again = words.packed(2)
        return words.came(), grams, words.packed(1), words.packed(2, "DELETE"), again

    def answer(words: Words) -> Any:
        at = Lens(as_of=datetime(2026, 3, 1, 5, tzinfo=UTC))
        found = trace(plant, plant.system_context(), words.lot(), "forward", lens=at)
        told = balance_lots(plant, plant.system_context(), [words.lot()]).as_json()
        return len(found.nodes), told["on_hand"], told["unit"]

    answers = set()
    for turn in (1, -1):
        words = Words()
        for fact in facts(words)[::turn]:
            send(plant, fact)
        answers.add(answer(words))
    assert answers == {(2, "12000", "g")}


def test_quantities_are_added_with_all_their_digits(plant: Site):
    words = Words()
    send(plant, words.came(10**27), words.told(2, "shipping", words.amount("A", 3, "GRM")))
    found = balance_lots(plant, plant.system_context(), [words.lot()]).as_json()
    assert found["total"]["on_hand"] == f"{'9' * 27}.997"
    scope = recall_scope(plant, a_context(plant, EVERYTHING), [words.lot()]).as_json()
    assert [row["quantity"] for row in scope["on_hand"]] == [f"{'9' * 27}.997"]


@pytest.mark.parametrize("taken", ["GRM", None], ids=["in another unit", "without a unit"])
def test_what_may_be_left_in_a_case_goes_where_the_case_goes(plant: Site, taken: str | None):
    """10 kg packed, 10 g taken out: nobody may take the case for empty."""
    words = Words()
    out = words.packed(3, "DELETE")
    out["childQuantityList"][0]["uom"] = taken
    if taken is None:
        del out["childQuantityList"][0]["uom"]
    left = words.case_left(4)
    shop = {"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00001"}
    send(plant, words.came(), words.packed(2), out, left | {"destinationList": [shop]})
    scope = recall_scope(plant, a_context(plant, EVERYTHING), [words.lot()]).as_json()
    assert [ship["customer"] for ship in scope["shipments"]] == ["4012345000016"]
    assert not scope["balance"]["closes"]


@pytest.mark.parametrize("turn", [1, -1], ids=["told first", "declared wrong first"])
def test_a_count_that_is_declared_wrong_counts_nothing(plant: Site, turn: int):
    words = Words()
    count = words.told(2, "stock_taking", words.amount("A", 3))
    send(plant, words.came())
    for fact in [count, {**count, **WRONG}][::turn]:
        send(plant, fact)
    found = balance_lots(plant, plant.system_context(), [words.lot()]).as_json()
    assert (found["on_hand"], found["unaccounted"], found["located"]) == ("10", "0", [])
