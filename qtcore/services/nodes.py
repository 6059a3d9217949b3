"""Which node is meant: finds or makes the lot, unit or logistic unit that a line names.

It must not know events; it never guesses between several lots that fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from qtcore.builtin.gs1 import canonical_identifier
from qtcore.errors import Ambiguous, NotFound
from qtcore.services.codes import find_coded_nodes
from qtcore.services.definitions import current_version
from qtcore.services.lot_ref import LotRef, Name, Wanted, name_of
from qtcore.services.master import TABLES, MasterInput, get_master, write_master
from qtcore.services.node_making import Making, find_named_nodes, identifier_rows, make_nodes
from qtcore.services.site import UNKNOWN_PARTY, Site
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.names import masters_by_code, unverified_among
from qtcore.store.queries.nodes import (
    NodeInfo,
    describe_named,
    describe_nodes,
    find_folded,
    find_nodes,
)
from qtcore.store.tables import Identifier, Lot
from qtcore.store.unit import UnitOfWork

__all__ = ("LotRef", "NodeBook", "candidate", "find_named", "missing_node", "resolve")


def resolve(session: Session, tenant_id: int, text: str) -> NodeInfo:
    """Find the one thing that `text` names: public id, lot number, serial, identifier, GS1 code.

    Raises NotFound, or Ambiguous with the candidates: a number alone is never a key.
    """
    return the_one(text, infos_named(session, tenant_id, text.strip()))


def the_one(text: str, found: Sequence[NodeInfo]) -> NodeInfo:
    """Give the only thing that a text fits; raises NotFound, or Ambiguous with the candidates."""
    if not found:
        raise missing_node(text)
    if len(found) > 1:
        said = f"{text!r} fits {len(found)} lots; name one by its lot_id"
        raise Ambiguous(said, [candidate(info) for info in found], asked=text)
    return found[0]


def find_one(session: Session, tenant_id: int, text: str) -> int:
    """Find the node of the one thing that `text` names; raises as `resolve`."""
    nodes = find_named(session, tenant_id, text.strip())
    return nodes[0] if len(nodes) == 1 else resolve(session, tenant_id, text).node


def infos_named(session: Session, tenant_id: int, text: str) -> list[NodeInfo]:
    """Describe what a text names: nearly always as it is written, which takes one statement."""
    found = describe_named(session, tenant_id, text)
    if found:
        return found
    nodes = find_folded(session, tenant_id, text) or _find_otherwise(session, tenant_id, text)
    described = describe_nodes(session, tenant_id, nodes)
    return [described[node] for node in nodes if node in described]


def missing_node(text: str) -> NotFound:
    """Say that nothing has this name, or nothing that this person sees."""
    return NotFound(
        f"nothing is called {text!r}; give a lot number, serial, SSCC, identifier or id, "
        "or search for a part of it"
    )


def find_named(session: Session, tenant_id: int, text: str) -> list[int]:
    """Find what a text names as it is written; else as a key in our notation; else as a code."""
    return find_nodes(session, tenant_id, text) or _find_otherwise(session, tenant_id, text)


def _find_otherwise(session: Session, tenant_id: int, text: str) -> list[int]:
    _, canonical = canonical_identifier(text)
    nodes = find_nodes(session, tenant_id, canonical) if canonical != text else []
    return nodes or find_coded_nodes(session, tenant_id, text)


def candidate(info: NodeInfo) -> dict[str, str]:
    """Show what tells equal numbers apart."""
    return {
        "lot_id": info.uid,
        "item": info.item_code,
        "item_name": info.item_name,
        "lot_no": info.lot_no,
        "source": info.source_code,
        "source_name": info.source_name,
        "state": info.state,
    }


class NodeBook:
    """The nodes of one unit of work: finds each once, makes what is missing.

    `prepare` looks up any number of names with a few statements; without it each name is asked for
    once. `origin` of what it makes: ``recorded``, or ``unverified`` when the event only mentions
    it.
    """

    def __init__(self, site: Site, work: UnitOfWork) -> None:
        self._site = site
        self._work = work
        self._versions: dict[tuple[str, str], int | None] = {}
        self._known: dict[Name, int | None] = {}
        self._masters: dict[tuple[str, str], Any] = {}
        self.made: list[int] = []

    @property
    def work(self) -> UnitOfWork:
        """The unit of work this book belongs to."""
        return self._work

    def version_of(self, kind: str, name: str) -> int | None:
        """Give the key of a definition in the version that serves."""
        key = (kind, name)
        if key not in self._versions:
            self._versions[key] = current_version(
                self._work.session, self._work.tenant_id, kind, name, number=self._site.version
            )
        return self._versions[key]

    def verify(self, nodes: Iterable[int]) -> None:
        """Mark lots as recorded: an event brings them into being that were mentioned before."""
        session, tenant = self._work.session, self._work.tenant_id
        for few in batched(sorted(unverified_among(session, tenant, nodes))):
            lots = select(Lot).where(Lot.tenant_id == tenant, col(Lot.node).in_(few))
            for lot in session.exec(lots).all():
                self._work.change(lot, origin="recorded")

    def prepare(self, refs: Iterable[LotRef]) -> None:
        """Look up what the references name, so that `find` need not ask for each."""
        names = {name_of(ref): ref for ref in refs if not ref.text}
        asked = {name: ref for name, ref in names.items() if name not in self._known}
        if asked:
            self.load_masters("item", {r.item for r in asked.values() if r.item})
            self.load_masters(
                "party", {r.source or UNKNOWN_PARTY for r in asked.values() if r.kind == "lot"}
            )
            self._known |= dict.fromkeys(asked)
            self._known |= find_named_nodes(self._work, self._master_keys(), asked)

    def find(self, ref: LotRef) -> int | None:
        """Find the node of a reference, or None; raises Ambiguous for a text that fits several."""
        name = name_of(ref)
        if name not in self._known:
            if ref.text:
                self._known[name] = find_one(self._work.session, self._work.tenant_id, ref.text)
            else:
                self.prepare([ref])
        return self._known[name]

    def info(self, ref: LotRef) -> NodeInfo | None:
        """Describe what a reference names, or None when it does not exist yet."""
        return self.infos([ref])[0]

    def infos(self, refs: Sequence[LotRef]) -> list[NodeInfo | None]:
        """Describe what references name, each None when it does not exist yet."""
        self.prepare(refs)
        nodes = [self.find(ref) for ref in refs]
        wanted = [node for node in nodes if node is not None]
        known = describe_nodes(self._work.session, self._work.tenant_id, wanted)
        self._work.learn_uids({info.node: info.uid for info in known.values()})
        return [None if node is None else known[node] for node in nodes]

    def get_or_make(self, ref: LotRef, *, origin: str = "recorded", state: str = "") -> int:
        """Find the node of a reference or make it."""
        return self.get_or_make_all([Wanted(ref, origin, state)])[0]

    def get_or_make_all(self, wanted: Sequence[Wanted]) -> list[int]:
        """Find the node of each reference or make it, all of them with a few statements.

        What is wanted twice is made once, from the reference that brings it into being.
        """
        self.prepare(one.ref for one in wanted)
        missing: dict[Name, Wanted] = {}
        for one in wanted:
            if self.find(one.ref) is None:
                name = name_of(one.ref)
                before = missing.get(name)
                if before is None or (before.origin, one.origin) == ("unverified", "recorded"):
                    missing[name] = one
        if missing:
            self._make(missing)
        return [self._known[name_of(one.ref)] for one in wanted]  # type: ignore[misc]

    def master(self, entity: str, code: str, entry: MasterInput | None = None) -> Any:
        """Get master data by code, to read; makes it from `entry` when that is given."""
        self.load_masters(entity, (code,))
        row = self._masters[entity, code]
        if row is None and entry is not None:
            row = self._masters[entity, code] = write_master(self._work, entry)
        if row is None:
            raise NotFound(f"no {entity} {code!r}; make it first, or correct the code")
        return row

    def load_masters(self, entity: str, codes: Iterable[str]) -> None:
        """Read master data by code, once per unit of work; what is missing is asked for again."""
        unread = sorted({code for code in codes if self._masters.get((entity, code)) is None})
        self._masters |= {(entity, code): None for code in unread}
        found = masters_by_code(self._work.session, self._work.tenant_id, TABLES[entity], unread)
        self._masters |= {(entity, row.code): row for row in found}

    def master_to_change(self, entity: str, code: str) -> Any:
        """Get master data as a row that `UnitOfWork.change` takes; this book then shows it so."""
        session, tenant = self._work.session, self._work.tenant_id
        row = self._masters[entity, code] = get_master(session, tenant, entity, code)
        return row

    def add_identifiers(
        self, node: int, pairs: Sequence[tuple[str, str]], *, is_global: bool
    ) -> None:
        """Give a node further names."""
        work = self._work
        work.insert(Identifier, identifier_rows(work, node, pairs, is_global=is_global))
        if is_global:
            self._known.update(dict.fromkeys((("id", *pair) for pair in pairs), node))

    def _make(self, missing: Mapping[Name, Wanted]) -> None:
        self._ready_masters([one.ref for one in missing.values()])
        making = Making(
            self._work, self._masters, self.version_of("workflows", "lot"), list(missing.values())
        )
        made = make_nodes(making)
        self.made += made
        self._known.update(zip(missing, made, strict=True))
        for one, node in zip(missing.values(), made, strict=True):
            if one.ref.identifier:
                self._known["id", *one.ref.identifier] = node

    def _master_keys(self) -> dict[tuple[str, str], int]:
        return {key: row.id for key, row in self._masters.items() if row is not None}

    def _ready_masters(self, refs: Sequence[LotRef]) -> None:
        self.load_masters("item", {ref.item for ref in refs if ref.kind != "logistic_unit"})
        items = {(r.item, r.item_name): r for r in reversed(refs) if r.kind != "logistic_unit"}
        for ref in reversed(items.values()):
            values = {"kind": "raw", "unit": ref.item_unit}
            entry = MasterInput("item", ref.item, ref.item_name, values=values)
            self.master("item", ref.item, entry if ref.item_name else None)
        for source in dict.fromkeys(ref.source for ref in refs if ref.kind == "lot"):
            self.master("party", source or UNKNOWN_PARTY)
