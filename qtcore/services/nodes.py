"""Which node is meant: finds or makes the lot, unit or logistic unit that a line names.

It must not know events; it never guesses between several lots that fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, select

from qtcore.builtin.gs1 import canonical_identifier
from qtcore.errors import Ambiguous, NotFound
from qtcore.services.codes import find_coded_nodes
from qtcore.services.definitions import current_version
from qtcore.services.master import MasterInput, find_master, write_master
from qtcore.services.site import UNKNOWN_PARTY, Site
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, find_nodes
from qtcore.store.tables import Identifier, LogisticUnit, Lot, Node, StateChange, Unit
from qtcore.store.unit import UnitOfWork

IN_PROCESS_KINDS = frozenset({"intermediate", "bulk"})


@dataclass(frozen=True, slots=True)
class LotRef:
    """A lot, unit or logistic unit as somebody names it.

    Either `text` (any identifier of something that exists), or `item` + `lot_no` (+ `source`,
    default the explicit unknown party) for a local number, or `identifier` for a globally unique
    one: (scheme, value). `kind` is lot, unit or logistic_unit; `others` are further identifiers.
    """

    text: str = ""
    item: str = ""
    lot_no: str = ""
    source: str = ""
    kind: str = "lot"
    identifier: tuple[str, str] | None = None
    others: tuple[tuple[str, str], ...] = ()
    item_name: str = ""
    item_unit: str = ""
    expiry_on: date | None = None
    made_at: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.text:
            return self.text
        if self.identifier:
            return self.identifier[1]
        if self.kind != "lot":
            return f"{self.item} {self.lot_no}".strip()
        return f"{self.item} {self.lot_no} of {self.source or UNKNOWN_PARTY}"


def resolve(session: Session, tenant_id: int, text: str) -> NodeInfo:
    """Find the one thing that `text` names: public id, lot number, serial, identifier, GS1 code.

    Raises NotFound, or Ambiguous with the candidates: a number alone is never a key.
    """
    nodes = find_named(session, tenant_id, text.strip())
    if not nodes:
        raise NotFound(
            f"nothing is called {text!r}; give a lot number, serial, SSCC, identifier or id, "
            "or search for a part of it"
        )
    described = describe_nodes(session, tenant_id, nodes)
    found = [described[n] for n in nodes if n in described]
    if len(found) > 1:
        raise Ambiguous(
            f"{text!r} fits {len(found)} lots; name one by its lot_id",
            [candidate(info) for info in found],
        )
    return found[0]


def find_named(session: Session, tenant_id: int, text: str) -> list[int]:
    """Find what a text names as it is written; else as a key in our notation; else as a code."""
    nodes = find_nodes(session, tenant_id, text)
    _, canonical = canonical_identifier(text)
    if not nodes and canonical != text:
        nodes = find_nodes(session, tenant_id, canonical)
    return nodes or find_coded_nodes(session, tenant_id, text)


def candidate(info: NodeInfo) -> dict[str, str]:
    """Show what tells equal numbers apart."""
    return {
        "lot_id": info.uid,
        "item": info.item_code,
        "lot_no": info.lot_no,
        "source": info.source_code,
        "state": info.state,
    }


class NodeBook:
    """The nodes of one unit of work: finds each once, makes what is missing.

    `origin` of what it makes: ``recorded``, or ``unverified`` when the event only mentions it.
    """

    def __init__(self, site: Site, work: UnitOfWork) -> None:
        self._site = site
        self._work = work
        self._versions: dict[tuple[str, str], int | None] = {}
        self._known: dict[tuple[str, ...], int] = {}
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

    def verify(self, node: int) -> None:
        """Mark a lot as recorded: an event brings it into being that was only mentioned before."""
        lot = self._work.session.exec(
            select(Lot).where(
                Lot.tenant_id == self._work.tenant_id,
                Lot.node == node,
                Lot.origin == "unverified",
            )
        ).first()
        if lot is not None:
            self._work.change(lot, origin="recorded")

    def find(self, ref: LotRef) -> int | None:
        """Find the node of a reference, or None; raises Ambiguous for a text that fits several."""
        if ref.text:
            return resolve(self._work.session, self._work.tenant_id, ref.text).node
        for key in self._keys(ref):
            if key in self._known:
                return self._known[key]
        node = self._look_up(ref)
        if node is not None:
            self._remember(ref, node)
        return node

    def info(self, ref: LotRef) -> NodeInfo | None:
        """Describe what a reference names, or None when it does not exist yet."""
        node = self.find(ref)
        if node is None:
            return None
        return describe_nodes(self._work.session, self._work.tenant_id, [node])[node]

    def get_or_make(self, ref: LotRef, *, origin: str = "recorded", state: str = "") -> int:
        """Find the node of a reference or make it."""
        node = self.find(ref)
        if node is None:
            node = self._make(ref, origin, state)
            self._remember(ref, node)
        return node

    def master(self, entity: str, code: str, entry: MasterInput | None = None) -> Any:
        """Get master data by code; makes it from `entry` when that is given."""
        row = self._find_master(entity, code)
        if row is None and entry is not None:
            row = self._masters[entity, code] = write_master(self._work, entry)
        if row is None:
            raise NotFound(f"no {entity} {code!r}; make it first, or correct the code")
        return row

    def _find_master(self, entity: str, code: str) -> Any | None:
        """Ask the database once per unit of work for what exists; what is missing, each time."""
        key = (entity, code)
        if key not in self._masters:
            row = find_master(self._work.session, self._work.tenant_id, entity, code)
            if row is None:
                return None
            self._masters[key] = row
        return self._masters[key]

    def add_identifiers(
        self, node: int, pairs: Sequence[tuple[str, str]], *, is_global: bool
    ) -> None:
        """Give a node further names."""
        for scheme, value in pairs:
            self._work.add(
                Identifier(
                    tenant_id=self._work.tenant_id,
                    id=self._work.key(),
                    node=node,
                    scheme=scheme,
                    value=value,
                    is_global=is_global,
                    recorded_at=self._work.context.at,
                )
            )

    def _keys(self, ref: LotRef) -> list[tuple[str, ...]]:
        if ref.identifier:
            return [("id", *ref.identifier)]
        if ref.kind == "lot":
            return [("lot", ref.item, ref.source or UNKNOWN_PARTY, ref.lot_no)]
        return [(ref.kind, ref.item, ref.lot_no)]

    def _remember(self, ref: LotRef, node: int) -> None:
        for key in self._keys(ref):
            self._known[key] = node

    def _look_up(self, ref: LotRef) -> int | None:
        tenant, session = self._work.tenant_id, self._work.session
        if ref.identifier:
            scheme, value = ref.identifier
            return session.exec(
                select(Identifier.node).where(
                    Identifier.tenant_id == tenant,
                    Identifier.scheme == scheme,
                    Identifier.value == value,
                    Identifier.is_global,
                )
            ).first()
        if ref.kind == "logistic_unit":
            return session.exec(
                select(LogisticUnit.node).where(
                    LogisticUnit.tenant_id == tenant, LogisticUnit.code == ref.lot_no
                )
            ).first()
        item = self._find_master("item", ref.item)
        if item is None:
            return None
        if ref.kind == "unit":
            return session.exec(
                select(Unit.node).where(
                    Unit.tenant_id == tenant, Unit.item_id == item.id, Unit.serial == ref.lot_no
                )
            ).first()
        source = self._find_master("party", ref.source or UNKNOWN_PARTY)
        if source is None:
            return None
        return session.exec(
            select(Lot.node).where(
                Lot.tenant_id == tenant,
                Lot.item_id == item.id,
                Lot.source_id == source.id,
                Lot.lot_no == ref.lot_no,
            )
        ).first()

    def _make(self, ref: LotRef, origin: str, state: str) -> int:
        work = self._work
        row = work.new_node(ref.kind)
        if ref.kind == "logistic_unit":
            work.add(LogisticUnit(tenant_id=work.tenant_id, node=row.node, code=ref.lot_no))
        elif ref.kind == "unit":
            item = self._item(ref)
            work.add(
                Unit(tenant_id=work.tenant_id, node=row.node, serial=ref.lot_no, item_id=item.id)
            )
        else:
            self._make_lot(ref, row, origin, state)
        names = (ref.identifier,) if ref.identifier else ()
        self.add_identifiers(row.node, names, is_global=True)
        self.add_identifiers(row.node, ref.others, is_global=False)
        self.made.append(row.node)
        return row.node

    def _make_lot(self, ref: LotRef, row: Node, origin: str, state: str) -> None:
        work, item = self._work, self._item(ref)
        source = self.master("party", ref.source or UNKNOWN_PARTY)
        first = state or ("in_process" if item.kind in IN_PROCESS_KINDS else "quarantine")
        work.add(
            Lot(
                tenant_id=work.tenant_id,
                node=row.node,
                item_id=item.id,
                source_id=source.id,
                lot_no=ref.lot_no,
                state=first,
                workflow_version_id=self.version_of("workflows", "lot"),
                unit=item.unit,
                origin=origin,
                made_at=ref.made_at,
                expiry_on=ref.expiry_on,
                extra=ref.extra,
            ),
            StateChange(
                tenant_id=work.tenant_id,
                id=work.key(),
                uid=work.new_uid(),
                subject_kind="lot",
                subject_uid=row.uid,
                number=1,
                transition="create",
                from_state="",
                to_state=first,
                person_id=work.context.actor.person_id,
                actor=work.context.actor.login,
                workflow_version_id=self.version_of("workflows", "lot"),
                at=work.context.at,
            ),
        )

    def _item(self, ref: LotRef) -> Any:
        entry = None
        if ref.item_name:
            entry = MasterInput(
                "item", ref.item, ref.item_name, values={"kind": "raw", "unit": ref.item_unit}
            )
        return self.master("item", ref.item, entry)
