"""Lots that a person writes in words, such as "lots 00112 through 10412", as the pages show them.

It must not know which page shows them.
"""

from collections.abc import Mapping
from typing import Any

from qtcore.builtin.lot_text import speaks_of_lots
from qtcore.errors import InputRejected
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.services.lot_text import NamedLots, find_lots_in_text


def read_lot_words(call: Call, text: str, item: str = "") -> Mapping[str, Any] | None:
    """Read a text that speaks of lots; None for any other text.

    `lots` are those that are certain, `choices` those of numbers that several lots have, `doubts`
    what a person must decide, `unknown` numbers that no lot has.
    """
    if not speaks_of_lots(text):
        return None
    try:
        found = find_lots_in_text(call.site, call.act(), text, item=item)
    except InputRejected as error:
        nothing: dict[str, Any] = {
            "lots": [],
            "choices": [],
            "doubts": [],
            "unknown": [],
            "ranges": [],
        }
        return {"text": text, "item": item, "mistakes": word_error(call, error), **nothing}
    return {"text": text, "item": item, "mistakes": [], **_parts(found)}


def _parts(found: NamedLots) -> dict[str, Any]:
    unclear = set(found.ambiguous)
    return {
        "lots": [info for info in found.lots if info.lot_no not in unclear],
        "choices": [info for info in found.lots if info.lot_no in unclear],
        "doubts": [*found.text.doubts, *found.doubts],
        "unknown": found.unknown,
        "ranges": found.text.ranges,
        "is_decided": found.is_decided,
    }
