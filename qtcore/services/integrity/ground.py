"""What the checks stand on: rows, what the ledger tells of each thing, and what was found.

It must not judge.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, select
from sqlmodel import Session, SQLModel

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.services.site import Site
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.tables import (
    DefinitionVersion,
    Discrepancy,
    Item,
    LedgerArchived,
    LedgerEvent,
    LedgerPrivate,
    Lot,
    Node,
    Record,
    StateChange,
)

_PIECE: Final = 2000
_MADE: Final = "master.create"
_PRIVATE: Final = table_of(LedgerPrivate)
# Which personal values of an entry a column holds.
_PERSONAL: Final = {
    "new_contacts": "contacts", "new_login": "login", "new_name": "name", "new_email": "email",
    "lifted_by": "lifted_by", "revoked_by": "revoked_by",
}  # fmt: skip
# Columns that hold such a value alone; what a message says of them names no value.
PERSONAL_COLUMNS: Final = frozenset({"contacts", "login", "email", "lifted_by", "revoked_by"})
# Told alone it says that there are none any more.
_BEFORE: Final = "old_contacts"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which invariant, at which thing, and what was found."""

    invariant: str
    place: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Give the shape of the API."""
        return {"invariant": self.invariant, "place": self.place, "message": self.message}


@dataclass(slots=True)
class Told:
    """What the ledger tells of one thing: its newest version, last values, and counts of acts.

    `erased` are the values that it told last and that were erased since. An earlier release told
    no version of what it made, and of a value given as nothing it told not at all.
    """

    version: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    acts: dict[str, int] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    is_of_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A lot or record with its life cycle."""

    kind: str
    uid: str
    name: str
    state: str
    workflow_version_id: int | None
    version: int
    node: int | None = None


@dataclass
class Ground:
    """The rows of one company, each kind read once."""

    site: Site
    session: Session
    is_serving: bool = True

    @property
    def tenant(self) -> int:
        """The company."""
        return self.site.store.tenant_id

    def rows(self, model: type[SQLModel], *which: ColumnElement[bool]) -> Iterator[Any]:
        """Give all rows of a table, or some, in order of its key, piece by piece."""
        table: Table = table_of(model)
        keys = [each for each in table.primary_key.columns if each.name != "tenant_id"]
        statement = select(table).where(table.c.tenant_id == self.tenant, *which).order_by(*keys)
        yield from self.session.execute(statement.execution_options(yield_per=_PIECE))

    def heads(self, *which: ColumnElement[bool]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        """Give every ledger entry that can be read, with its head; the others I8 names."""
        for row in self.rows(LedgerEvent, *which):
            try:
                head = json.loads(as_bytes(row.head))
                told = head["object"]["id"], head["action"], head["changes"], head["details"]
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(told[2], list) and isinstance(told[3], dict):
                yield row, head

    @cached_property
    def archived(self) -> frozenset[str]:
        """The things of which an entry is in an archive, so that the database tells less of them.

        What an archive took away is bound by the entry that tells of it, see `check_archives`.
        """
        return frozenset(row.object_uid for row in self.rows(LedgerArchived))

    def acts(self, names: Collection[str]) -> dict[str, dict[str, tuple[int, Mapping[str, Any]]]]:
        """Give the newest entry of each of these acts about each thing: its key and its head.

        By act, then by thing. Entries of other acts are not even read.
        """
        found: dict[str, dict[str, tuple[int, Mapping[str, Any]]]] = {name: {} for name in names}
        action = table_of(LedgerEvent).c.action
        for row, head in self.heads(action.in_(names)):
            if head["action"] in found:
                found[head["action"]][str(head["object"]["id"])] = (row.id, head)
        return found

    @cached_property
    def told(self) -> dict[str, Told]:
        """What the ledger tells of each thing, by public id."""
        found: dict[str, Told] = defaultdict(Told)
        for row, head in self.heads():
            of = found[str(head["object"]["id"])]
            of.version = max(of.version, int(head["object"].get("version", 0)))
            of.is_of_earlier |= head["action"] == _MADE and "version" not in head["object"]
            of.acts[head["action"]] = of.acts.get(head["action"], 0) + 1
            of.values.update((change[0], change[2]) for change in head["changes"])
            of.erased -= {change[0] for change in head["changes"]}
            _tell_personal(of, self._personal.get(row.id, {}))
        return dict(found)

    @cached_property
    def _personal(self) -> dict[int, dict[str, str | None]]:
        """The personal values that columns hold, by the key of their entry; None: erased."""
        found: dict[int, dict[str, str | None]] = defaultdict(dict)
        query = select(_PRIVATE.c.event_id, _PRIVATE.c.field, _PRIVATE.c.value).where(
            _PRIVATE.c.tenant_id == self.tenant, _PRIVATE.c.field.in_([_BEFORE, *_PERSONAL])
        )
        for key, name, value in self.session.execute(query):
            found[key][name] = value
        return dict(found)

    @cached_property
    def signed(self) -> dict[str, tuple[Any, ...]]:
        """What the ledger tells of each signature: digest, meaning, its words, revision."""
        names = ("content", "meaning", "meaning_text", "revision")
        return {
            head["object"]["id"]: tuple(head["details"].get(name) for name in names)
            for _, head in self.heads()
            if head["action"] == "sign"
        }

    @cached_property
    def event_lines(self) -> dict[str, list[list[Any]]]:
        """The lines that the ledger tells of each event: part, node, quantity, unit."""
        return {
            head["object"]["id"]: head["details"]["lines"]
            for _, head in self.heads()
            if head["object"]["kind"] == "event" and isinstance(head["details"].get("lines"), list)
        }

    @cached_property
    def nodes(self) -> dict[int, str]:
        """The public id of each node."""
        return {row.node: row.uid for row in self.rows(Node)}

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """Every lot and record, by public id."""
        items = {row.id: row.code for row in self.rows(Item)}
        found: dict[str, Subject] = {}
        for row in self.rows(Lot):
            uid = self.nodes.get(row.node, "")
            name = f"lot {row.lot_no} of {items.get(row.item_id, '?')}"
            cycle = row.workflow_version_id
            found[uid] = Subject("lot", uid, name, row.state, cycle, row.version, row.node)
        for row in self.rows(Record):
            name = f"record {row.number}"
            cycle = row.workflow_version_id
            found[row.uid] = Subject("record", row.uid, name, row.state, cycle, row.version)
        return found

    @cached_property
    def changes(self) -> dict[str, list[Any]]:
        """The steps of each lot and record, in their own order."""
        found: dict[str, list[Any]] = defaultdict(list)
        for row in self.rows(StateChange):
            found[row.subject_uid].append(row)
        return {uid: sorted(rows, key=lambda row: row.number) for uid, rows in found.items()}

    @cached_property
    def definitions(self) -> dict[int, Any]:
        """Every stored version of a definition, by its key."""
        return {row.id: row for row in self.rows(DefinitionVersion)}

    @cached_property
    def discrepant(self) -> set[int]:
        """The nodes of which an import told something impossible, which is named already."""
        return {row.node for row in self.rows(Discrepancy) if row.node is not None}

    def workflow(self, key: int | None) -> WorkflowDefinition | None:
        """The life cycle of a stored version; None when there is none that can be read."""
        row = self.definitions.get(key or 0)
        try:
            return None if row is None else WorkflowDefinition.model_validate(row.body)
        except ValueError:
            return None


def unlike(name: str, stored: object, told: object, *, is_personal: bool) -> str:
    """Say that a column is not what was told; of a personal one neither value."""
    if is_personal:
        return f"its {name} is not what the ledger told last; both are personal and not shown here"
    return f"its {name} is {stored!r}, the ledger told {told!r} last"


def _tell_personal(of: Told, kept: Mapping[str, str | None]) -> None:
    """Add what an entry tells beside its head; what was erased is known no longer."""
    told: dict[str, str | None] = {_PERSONAL["new_contacts"]: ""} if _BEFORE in kept else {}
    told |= {_PERSONAL[name]: value for name, value in kept.items() if name in _PERSONAL}
    for column, value in told.items():
        of.values.pop(column, None)
        of.erased.discard(column)
        if value is None:
            of.erased.add(column)
        else:
            of.values[column] = value
