"""What is wrong with how an event says what went into what; a link must carry what is true.

It must not read anything: it is told the event as it was sent.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from qtcore.engines.balance import exactly
from qtcore.errors import Fault, InputRejected
from qtcore.services.events import Allocation, EventInput, Line
from qtcore.services.site import Site


def allocation_faults(site: Site, event: EventInput) -> list[Fault]:
    """Name allocations of lines that are not there, and those that do not fit the quantities.

    Each input and each output must be in one: without a link a recall would miss it. What was
    used and is in no output is lost; no more can go on than was used.
    """
    if not event.allocations:
        return []
    inputs, outputs = event.part("input"), event.part("output")
    faults = [
        *_places(event.allocations, len(inputs), len(outputs)),
        *_amounts(site, event.allocations),
    ]
    return faults or [*_left_out(event.allocations, inputs, outputs), *_more(site, event)]


def _places(told: Iterable[Allocation], inputs: int, outputs: int) -> Iterator[Fault]:
    for number, one in enumerate(told):
        for name, place, most in (("source", one.source, inputs), ("target", one.target, outputs)):
            if not 0 <= place < most:
                what = "inputs" if name == "source" else "outputs"
                text = (
                    f"allocation {number} names the {name} {place}, and the event has {most} "
                    f"{what}; count them from 0"
                )
                yield Fault("QT442", text, f"allocations/{number}/{name}")


def _amounts(site: Site, told: Iterable[Allocation]) -> Iterator[Fault]:
    for number, one in enumerate(told):
        if not one.quantity.is_finite() or one.quantity <= 0:
            text = f"allocation {number}: {one.quantity} is no positive quantity such as 12.5"
            yield Fault("QT444", text, f"allocations/{number}/quantity")
        if site.registry.unit(one.unit) is None:
            text = f"unit {one.unit!r} of allocation {number} is not declared; use one such as kg"
            yield Fault("QT432", text, f"allocations/{number}/unit")


def _left_out(
    told: Iterable[Allocation], inputs: Iterable[Line], outputs: Iterable[Line]
) -> Iterator[Fault]:
    pairs = [(one.source, one.target) for one in told]
    for side, lines, what in ((0, inputs, "went into"), (1, outputs, "came out of")):
        named = {pair[side] for pair in pairs}
        for place, line in enumerate(lines):
            if place not in named:
                text = (
                    f"no allocation says what {line.ref} {what}; allocate every input and output, "
                    "or none"
                )
                yield Fault("QT442", text, "allocations")


@exactly
def _more(site: Site, event: EventInput) -> list[Fault]:
    """Compare what goes on from each input with what was used of it."""
    onward: dict[int, list[tuple[int, Allocation]]] = defaultdict(list)
    for number, one in enumerate(event.allocations):
        onward[one.source].append((number, one))
    faults = []
    for place, line in enumerate(event.part("input")):
        if line.quantity is None:
            continue
        sums = line.quantity * 0
        for number, one in onward[place]:
            try:
                sums += site.registry.convert(one.quantity, one.unit, line.unit)
            except InputRejected as rejected:
                text = f"allocation {number} of {line.ref}: {rejected.message}"
                faults.append(Fault("QT433", text, f"allocations/{number}/unit"))
        if sums > line.quantity:
            text = (
                f"{sums:f} {line.unit} of {line.ref} are allocated, and {line.quantity:f} "
                f"{line.unit} were used; correct the one or the other"
            )
            faults.append(Fault("QT444", text, "allocations"))
    return faults
