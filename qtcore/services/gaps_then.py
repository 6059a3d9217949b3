"""What did not fit at another time: found anew over the facts that had happened by then.

It must not write anything. What later events explained did not fit yet then, and what only later
events made impossible was fine: what is noted about today cannot tell. A database that was fed only
what had happened by then would have noted just this.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from qtcore.engines.genealogy import find_loops
from qtcore.services.contents import with_carried
from qtcore.services.device_uses import uses_in_events
from qtcore.services.discrepancies import (
    CYCLE,
    DEVICE,
    HELD,
    NOT_INSIDE,
    PACKED_TWICE,
    find_cycles,
    find_held,
    find_packings,
    first_of_each,
    negative,
)
from qtcore.services.findings import Finding
from qtcore.services.impossible_acts import find_impossible
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, fold_stock
from qtcore.services.told_in_parts import half_told
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.lens import Lens
from qtcore.store.queries.trace import trace_edges

_KEPT: Final = (CYCLE, DEVICE, HELD, NOT_INSIDE, PACKED_TWICE)
"""What stays true whatever happens later: where it is not noted now, it was not true then."""
_Rows = Mapping[int, Sequence[MovementRow]]


@dataclass(frozen=True, slots=True)
class _Reading:
    session: Session
    tenant_id: int


def findings_then(
    site: Site, session: Session, lens: Lens, one_of: Mapping[int, int]
) -> list[tuple[int, Finding]]:
    """List what did not fit about nodes, the first of each kind, as of a time of events.

    `one_of` gives each node the one that stands for it and its other names; `lens` has no limit
    of links.
    """
    work = _Reading(session, site.store.tenant_id)
    rows = movements_of(session, work.tenant_id, one_of, lens=lens)
    acts: dict[int, list[MovementRow]] = defaultdict(list)
    for row in rows:
        acts[row.node].append(row)
    found: dict[int, list[Finding]] = defaultdict(list)
    for node, told in acts.items():
        found[node] += find_impossible(site, told)
    for node, findings in half_told(work, one_of.keys(), lens=lens).items():
        found[node] += findings
    for node, finding in (
        *_negative(site, work, lens, (rows, one_of)),
        *_noted_now(work, lens, acts),
    ):
        found[node].append(finding)
    return [(node, each) for node in sorted(found) for _, each in first_of_each(node, found[node])]


def _negative(
    site: Site,
    work: _Reading,
    lens: Lens,
    told: tuple[list[MovementRow], Mapping[int, int]],
) -> Iterable[tuple[int, Finding]]:
    """Find of which more had left than came in, under all the names of a lot together."""
    rows, one_of = told
    # Where nobody recorded how much arrived, less than nothing proves nothing.
    came = {one_of[row.node] for row in rows if SIGN.get(row.effect, 0) > 0}
    moved = with_carried(work.session, work.tenant_id, rows, one_of.keys(), lens=lens)
    stocks = fold_stock(site, came, (row._replace(node=one_of[row.node]) for row in moved))
    for node, one in one_of.items():
        less = negative(stocks[one]) if one in stocks else None
        if less is not None:
            yield node, less


def _noted_now(work: _Reading, lens: Lens, acts: _Rows) -> Iterable[tuple[int, Finding]]:
    """Find again what is noted now, as far as it was true then."""
    noted: dict[str, set[int]] = defaultdict(set)
    for row in open_discrepancies(work.session, work.tenant_id, acts, known_at=lens.known_at):
        noted[row.kind].add(row.node)
    if not noted.keys() & set(_KEPT):
        return []
    return [
        *find_packings(work, _only(acts, noted[PACKED_TWICE] | noted[NOT_INSIDE]), lens=lens),
        *find_held(work, _only(acts, noted[HELD]), lens=lens),
        *_unfit(work, _only(acts, noted[DEVICE])),
        *_cycles(work, noted[CYCLE], lens),
    ]


def _only(acts: _Rows, nodes: Collection[int]) -> _Rows:
    return {node: acts[node] for node in sorted(nodes)}


def _unfit(work: _Reading, acts: _Rows) -> Iterable[tuple[int, Finding]]:
    events = {node: {row.event_id for row in rows} for node, rows in acts.items()}
    for use in uses_in_events(work.session, work.tenant_id, events):
        if use.unfit is not None:
            yield (
                use.node,
                Finding(DEVICE, {"on": str(use.on), **use.unfit.as_parts()}, use.event_id),
            )


def _cycles(work: _Reading, nodes: set[int], lens: Lens) -> Iterable[tuple[int, Finding]]:
    if not nodes:
        return []
    edges = trace_edges(work.session, work.tenant_id, sorted(nodes), "backward", lens=lens)
    loops = find_loops((edge.src, edge.dst) for edge in edges)
    return [(node, each) for node, each in find_cycles(work, loops) if node in nodes]
