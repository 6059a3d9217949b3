"""What a recall of a machine's window cannot exclude: made in it where nobody recorded the machine.

It must not add them to the scope: the question says whether they are in it.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session

from qtcore.services.findings import Finding
from qtcore.services.recall_seeds import UNRECORDED, Question, find_unrecorded
from qtcore.services.site import Site
from qtcore.services.trace import Trace, gap_of

MOST_LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """How many events and lots there are, and a gap for each lot outside the scope; some of them.

    `is_included` says that they are in the scope as possible.
    """

    events: int = 0
    lots: int = 0
    gaps: tuple[dict[str, Any], ...] = ()
    is_included: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "events": self.events,
            "lots": self.lots,
            "listed": len(self.gaps),
            "included": self.is_included,
        }


def unrecorded_in(site: Site, session: Session, question: Question, scope: Trace) -> Unrecorded:
    """Count what was made in the window at an unrecorded machine; list what is not in the scope."""
    seeds = find_unrecorded(site, session, question)
    inside = {node.info.node for node in scope.nodes}
    outside = {s.info.node: s for s in reversed(seeds) if s.info.node not in inside}
    listed = sorted(outside.values(), key=lambda s: (s.info.item_code, s.info.lot_no, s.info.node))
    return Unrecorded(
        events=len({seed.reference for seed in seeds}),
        lots=len({seed.info.node for seed in seeds}),
        gaps=tuple(
            gap_of(
                seed.info,
                Finding(UNRECORDED, {"reference": seed.reference, "equipment": question.equipment}),
            )
            for seed in listed[:MOST_LISTED]
        ),
        is_included=question.include_unrecorded,
    )
