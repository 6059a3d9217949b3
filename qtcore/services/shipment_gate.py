"""May these lots leave? The rules of the gate ``shipment``, asked for each lot of a shipment.

It must not know how an event is written. Holds and states are refused before; this is what packs
say in rules about a lot that goes out.
"""

from collections.abc import Sequence

from qtcore.engines.rules import blocking, judge
from qtcore.errors import Refusal
from qtcore.services.evaluation import evaluator
from qtcore.services.events import EventInput
from qtcore.services.facts import gather_facts, read_evidence
from qtcore.services.release import worded
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.unit import UnitOfWork

GATE = "shipment"


def shipment_refusals(
    site: Site, work: UnitOfWork, event: EventInput, lots: Sequence[NodeInfo]
) -> list[Refusal]:
    """Judge each lot that is shipped on the day it leaves; the facts are those of that day."""
    on = event.event_at.date()
    found: list[Refusal] = []
    for info in lots:
        rules = site.registry.rules_of(GATE, info.industry)
        if not rules:
            continue
        facts = gather_facts(site, read_evidence(site, work.session, info, on))
        outcomes = judge(rules, facts, evaluator(site.registry), on=on)
        refusals = worded(site, blocking(outcomes), work.context.language)
        named = f"lot {info.lot_no} of {info.item_code}"
        found += [
            Refusal(r.code, f"{named}: {r.message}", r.asked_by, r.fix, r.source) for r in refusals
        ]
    return found
