"""What every plant does every week: takes materials in, makes batches, tests, releases, ships.

It must not know what goes wrong; see `qtcore.demo.incidents`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from qtcore.demo.data import as_decimal, as_stored, filled, read_data
from qtcore.demo.logistics import ship_lot
from qtcore.demo.story import Act, Held, Making, Story
from qtcore.services.events import Line

RELEASES_RAW = "qa"


@dataclass(slots=True)
class Batch:
    """One run of a recipe: its number and fate, and the lots it has made so far."""

    story: Story
    product: dict[str, Any]
    plant: dict[str, Any]
    number: int
    fate: str
    lots: dict[str, Held] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    set_aside: dict[str, list[tuple[Held, Decimal]]] = field(default_factory=dict)

    @property
    def lot_no(self) -> str:
        """The number printed on the packs."""
        return f"{self.product['prefix']}{self.number:03d}"

    @property
    def finished(self) -> Held:
        """The lot of finished goods."""
        return self.lots[""]

    def blanks(self) -> Mapping[str, str]:
        """What the texts of the data leave open."""
        story = self.story
        return {
            "lot": self.lot_no,
            "note": story.note_no(),
            "now": story.now.isoformat(),
            "source": self.plant["site"],
            "keep_until": (story.now + timedelta(days=1460)).date().isoformat(),
        }


def plan_deliveries(story: Story) -> None:
    """Plan every receipt, the tests of what came, and its release by the rules."""
    plants = read_data("plants")["plants"]
    for delivery in read_data("deliveries")["deliveries"]:
        plant = plants[delivery["plant"]]
        came: list[Held] = []
        story.at(delivery["day"], 8, partial(_receive, story, plant, delivery, came))
        story.at(delivery["day"] + 1, 10, partial(_accept, story, plant, came))


def _receive(
    story: Story, plant: dict[str, Any], delivery: dict[str, Any], came: list[Held]
) -> None:
    note = story.note_no()
    today = story.now.date()
    blanks = {
        "note": note,
        "from": delivery.get("from", ""),
        "source": delivery["supplier"],
        "earlier": (today - timedelta(days=45)).isoformat(),
        "later": (today + timedelta(days=600)).isoformat(),
    }
    made = []
    for item, lot_no, quantity in delivery["lots"]:
        unit = story.unit_of(item)
        held = Held(item, str(lot_no), delivery["supplier"], unit, as_decimal(quantity))
        extra = as_stored(filled(plant["raw_extra"], {**blanks, "lot": str(lot_no)}))
        made.append((held, Making(held.left, today + timedelta(days=700), extra)))
        came.append(held)
    act = Act(
        by="warehouse",
        event=plant["receive"],
        place=plant["store"],
        party=delivery["supplier"],
        values=filled(plant["receive_values"], blanks),
    )
    story.bring(act, (), made)


def _accept(story: Story, plant: dict[str, Any], came: list[Held]) -> None:
    for held in came:
        for characteristic, value in plant["raw_tests"].items():
            story.test(held, characteristic, value)
        story.step(held, "release", RELEASES_RAW)


def plan_batches(story: Story) -> dict[str, Batch]:
    """Plan every batch of every product; gives the batches by their number."""
    plants = read_data("plants")["plants"]
    batches = {}
    for product in read_data("products")["products"]:
        for number, fate in enumerate(product["fates"], start=1):
            batch = Batch(story, product, plants[product["plant"]], number, fate)
            batches[batch.lot_no] = batch
            _plan_batch(batch)
    return batches


def _plan_batch(batch: Batch) -> None:
    product, story = batch.product, batch.story
    day = product["first_day"] + (batch.number - 1) * product["every"]
    story.at(day, 8, partial(_stage, batch))
    for step in product["steps"]:
        after, hour = step["at"]
        story.at(day + after, hour, partial(_make, batch, step))
    last = day + product["steps"][-1]["at"][0]
    followed: list[tuple[int, int, Callable[[Batch], None]]] = [
        (1, 9, put_away),
        (4, 10, test_lot),
        (5, 10, write_records),
        (6, 9, release_lot),
        (7, 13, ship_batch),
    ]
    for after, hour, act in followed[: _HOW_FAR[batch.fate]]:
        story.at(last + after, hour, partial(act, batch))


# How many of the follow-up acts a fate reaches; incidents plan the rest themselves.
_HOW_FAR = {"made": 1, "incident": 1, "tested": 2, "released": 4, "shipped": 5}


def _stage(batch: Batch) -> None:
    """Bring the materials of the whole batch to the floor."""
    story = batch.story
    lines = []
    for step in batch.product["steps"]:
        chosen = []
        for item, quantity in step.get("uses", {}).items():
            chosen += story.use(item, as_decimal(quantity))
        batch.set_aside[step["code"]] = chosen
        lines += [Line(held.ref(), "subject", amount, held.unit) for held, amount in chosen]
    values = {"purpose": "to_production", "packaging_sound": True}
    act = Act("warehouse", "transfer", batch.plant["store"], batch.plant["floor"], values=values)
    story.record(act, lines)


def _make(batch: Batch, step: dict[str, Any]) -> None:
    story, plant = batch.story, batch.plant
    lines = []
    for code in step.get("takes", ()):
        held = batch.lots[code]
        lines.append(Line(held.ref(), "input", held.left, held.unit))
        held.left = Decimal(0)
    for held, amount in batch.set_aside[step["code"]]:
        lines.append(Line(held.ref(), "input", amount, held.unit))
    code = step["code"]
    made = Held(
        step["output"],
        f"{batch.lot_no}-{code}" if code else batch.lot_no,
        plant["site"],
        story.unit_of(step["output"]),
        _yield_of(batch, step),
    )
    act = Act(
        by="operator",
        event=step["event"],
        place=plant["floor"],
        equipment=step["equipment"],
        values=filled(step["values"], batch.blanks()),
    )
    story.bring(act, lines, [(made, _making(batch, made, is_finished=not code))])
    batch.lots[code] = made


def _yield_of(batch: Batch, step: dict[str, Any]) -> Decimal:
    """Vary what comes out of the last step a little; one batch of paracetamol came out low."""
    makes = as_decimal(step["makes"])
    if step["code"]:
        return makes
    if batch.lot_no == LOW_YIELD:
        return makes - 520
    return makes - batch.number * 13 % 40


LOW_YIELD = "PC26003"


def _making(batch: Batch, made: Held, *, is_finished: bool) -> Making:
    if not is_finished:
        return Making(made.left)
    today = batch.story.now.date()
    percent = made.left * 100 / as_decimal(batch.product["theoretical"])
    extra = {
        **as_stored(filled(batch.product["extra"], batch.blanks())),
        "manufacture_date": today.isoformat(),
        "yield_percent": str(percent.quantize(Decimal("0.01"))),
    }
    return Making(made.left, today + timedelta(days=batch.product["shelf_days"]), extra)


def put_away(batch: Batch) -> None:
    """Take the samples and bring the finished lot to its store."""
    story, plant, lot = batch.story, batch.plant, batch.finished
    taken = as_decimal(plant["sample_quantity"])
    values = filled(plant["sample_values"], batch.blanks())
    sample = Act("analyst", plant["sample"], plant["floor"], values=values)
    story.record(sample, [Line(lot.ref(), "subject", taken, lot.unit)])
    lot.left -= taken
    values = {"purpose": "to_quarantine_area", "packaging_sound": True}
    act = Act("warehouse", "transfer", plant["floor"], plant["goods"], values=values)
    story.record(act, [Line(lot.ref(), "subject", lot.left, lot.unit)])


def test_lot(batch: Batch) -> None:
    """Record every result of the specification; `batch.typed` says what came out otherwise."""
    for characteristic, values in batch.product["tests"].items():
        usual = values[batch.number % len(values)]
        batch.story.test(batch.finished, characteristic, batch.typed.get(characteristic, usual))


def write_records(batch: Batch) -> None:
    """Write the records of the batch and have them signed."""
    story = batch.story
    for record in batch.product["records"]:
        data = filled(record["data"], batch.blanks())
        uid = story.submit(record["kind"], record["by"], data, [batch.finished])
        for transition, login in record.get("steps", ()):
            story.sign(uid, transition, login)


def release_lot(batch: Batch) -> None:
    """Release the finished lot by the rules of its pack, with a signature."""
    batch.story.step(batch.finished, "release", batch.plant["release_by"])


def ship_batch(batch: Batch) -> None:
    """Pack half of the lot for each of two customers and ship it."""
    ship_lot(batch.story, batch.plant, batch.finished, batch.number)
