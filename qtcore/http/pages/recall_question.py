"""What a recall starts from, as the fields of its page: lots, a machine, a supplier, a condition.

It must not ask the question.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from qtcore.http.call import Call
from qtcore.services.moments import read_lens
from qtcore.services.recall_seeds import Question

FIELDS = ("seeds", "equipment", "supplier", "where", "from", "to", "include_unrecorded")


def typed_question(call: Call) -> dict[str, str]:
    """Give what was typed, as it was: from the form that was sent, or from the address."""
    get: Callable[[str], str] = call.field if call.method == "POST" else _from_address(call)
    return {name: get(name) for name in FIELDS}


def _from_address(call: Call) -> Callable[[str], str]:
    return lambda name: " ".join(call.query.get(name, [])).strip()


def read_question(typed: dict[str, str]) -> Question:
    """Read the fields; InputRejected for a time that is none."""
    span = read_lens(since=typed["from"], until=typed["to"])
    return Question(
        tuple(split_seeds(typed["seeds"])),
        typed["equipment"],
        typed["supplier"],
        typed["where"],
        span.since,
        span.until,
        typed["include_unrecorded"] == "1",
    )


def is_asked(typed: dict[str, str]) -> bool:
    """Say whether anything was asked at all."""
    return any(typed.values())


def as_address(typed: dict[str, str]) -> str:
    """Give the fields as the query of an address."""
    return urlencode({name: value for name, value in typed.items() if value})


def split_seeds(text: str) -> list[str]:
    """Split what was typed into lots: one per line, or separated by commas or spaces."""
    return list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
