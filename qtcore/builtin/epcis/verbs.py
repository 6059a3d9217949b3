"""Which core verb an EPCIS event is, and which part each thing plays in it.

It must not know our event types: a verb says what the event does to lots and to the balance.

What brings something into being (ObjectEvent ADD: commissioning, harvest, catch) is a
transformation without inputs, so that its quantity counts as produced. An association (a sensor on
a crate) and a transaction (an order names a pallet) are observations: they make no genealogy.
"""

from collections.abc import Mapping

OBSERVED: Mapping[str, str] = {
    "receiving": "receive",
    "shipping": "ship",
    "void_shipping": "return",
    "sampling": "sample",
    "destroying": "scrap",
    "decommissioning": "scrap",
}
"""Business steps that mean more than being seen. Loading, departing or consigning are parts of one
shipment: counting each would ship the same goods several times."""

ENDED: Mapping[str, str] = {"retail_selling": "ship", "dispensing": "ship", "shipping": "ship"}
"""How a thing leaves the chain for good (ObjectEvent DELETE) other than by being destroyed."""


def verb_of(kind: str, action: str, biz_step: str, disposition: str) -> str:
    """Choose the core verb of an event."""
    if kind == "TransformationEvent":
        return "transform"
    if kind == "AggregationEvent" and action != "OBSERVE":
        return "pack" if action == "ADD" else "unpack"
    if kind == "ObjectEvent" and action == "ADD":
        return "receive" if biz_step == "receiving" else "transform"
    if kind == "ObjectEvent" and action == "DELETE":
        return ENDED.get(biz_step, "scrap")
    if kind in ("ObjectEvent", "AggregationEvent"):
        verb = OBSERVED.get(biz_step, "observe")
        return "return" if (verb, disposition) == ("receive", "returned") else verb
    return "observe"


def part_of(verb: str, role: str) -> str:
    """Choose the part of a thing, from the role its list gives it in the document."""
    if verb in ("transform", "receive"):
        return "input" if role == "input" else "output"
    if verb in ("pack", "unpack", "observe"):
        return role
    return "subject"
