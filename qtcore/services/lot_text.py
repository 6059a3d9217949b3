"""Lots that a free text names: what the text says, which lots here it means, what stays open.

It must not know how a text is read; see `qtcore.builtin.lot_text`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from qtcore.builtin.lot_text import Doubt, LotRange, LotText, read_lot_text
from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.master import find_master
from qtcore.services.nodes import candidate
from qtcore.services.rights import require
from qtcore.services.sight import keep_seen
from qtcore.services.site import Site
from qtcore.store.queries.lots import lots_in_shape
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, find_nodes


@dataclass(frozen=True, slots=True)
class NamedLots:
    """What a text says, the lots it means here, and the numbers that no lot has.

    A number that lots of several items or sources have brings each of them, `ambiguous` lists it.
    """

    text: LotText
    lots: tuple[NodeInfo, ...] = ()
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Say whether a person has nothing left to decide."""
        return self.text.is_decided and not (self.doubts or self.unknown or self.ambiguous)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            **self.text.as_json(),
            "decided": self.is_decided,
            "doubts": [doubt.as_json() for doubt in (*self.text.doubts, *self.doubts)],
            "matches": [candidate(info) for info in self.lots],
            "unknown": list(self.unknown),
            "ambiguous": list(self.ambiguous),
        }


def find_lots_in_text(site: Site, context: Context, text: str, *, item: str = "") -> NamedLots:
    """Find the lots that a free text names, such as "lots 00112 through 10412" or "all lots".

    `item` limits the search to one item; without it "all lots" stays open. A range brings the lots
    that exist inside it. Lots of other sites are not there. Raises InputRejected for a text that is
    too long, or an unknown item.
    """
    require(site, context, "lot.read")
    try:
        said = read_lot_text(text)
    except ValueError as error:
        raise InputRejected(f"{error}; send it in parts") from error
    with site.store.read() as session:
        if item and find_master(session, site.store.tenant_id, "item", item) is None:
            raise InputRejected(f"there is no item {item!r}; give the code of an item, or none")
        return _Search(site, context, session, item).named(said)


class _Search:
    """Looks up what a text says among the lots this person sees, in one reading session."""

    def __init__(self, site: Site, context: Context, session: Session, item: str) -> None:
        self._site = site
        self._context = context
        self._session = session
        self._tenant = site.store.tenant_id
        self._item = item

    def named(self, said: LotText) -> NamedLots:
        excluded = {info.node for number in said.excluded for info in self._lots_of(number)}
        found: dict[int, NodeInfo] = {}
        unknown, ambiguous = [], []
        for number in said.lots:
            lots = self._lots_of(number)
            found |= {info.node: info for info in lots}
            if not lots:
                unknown.append(number)
            elif len(lots) > 1:
                ambiguous.append(number)
        shaped, doubts = self._of_shapes(said)
        found |= shaped
        lots_found = tuple(info for node, info in found.items() if node not in excluded)
        return NamedLots(said, lots_found, tuple(unknown), tuple(ambiguous), tuple(doubts))

    def _seen(self, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """Describe those of the lots that this person sees, in the order they came."""
        listed = list(nodes)
        described = describe_nodes(self._session, self._tenant, listed)
        known = [described[node] for node in listed if node in described]
        seen = keep_seen(self._site, self._context, self._session, known)
        return {info.node: info for info in seen}

    def _of_shapes(self, said: LotText) -> tuple[dict[int, NodeInfo], list[Doubt]]:
        found: dict[int, NodeInfo] = {}
        doubts: list[Doubt] = []
        for each in said.ranges:
            inside = self._seen(self._in_range(each))
            found |= inside
            if not inside:
                piece = f"{each.first} - {each.last}"
                doubts.append(Doubt(piece, 0, "no lot here has a number of this range"))
        for prefix in said.prefixes:
            lots = lots_in_shape(self._session, self._tenant, prefix=prefix, item=self._item)
            found |= self._seen(node for node, lot_no in lots if lot_no.startswith(prefix))
        if said.all_lots and self._item:
            lots = lots_in_shape(self._session, self._tenant, item=self._item)
            found |= self._seen(node for node, _ in lots)
        elif said.all_lots:
            doubts.append(Doubt("all lots", 0, "of which item? give its code"))
        return found, doubts

    def _in_range(self, each: LotRange) -> Iterator[int]:
        lengths = (len(each.first), len(each.last))
        lots = lots_in_shape(
            self._session, self._tenant, prefix=each.prefix, lengths=lengths, item=self._item
        )
        return (node for node, lot_no in lots if each.holds(lot_no))

    def _lots_of(self, number: str) -> list[NodeInfo]:
        nodes = find_nodes(self._session, self._tenant, number)
        seen = self._seen(nodes).values()
        return [info for info in seen if info.kind == "lot" and self._item in ("", info.item_code)]
