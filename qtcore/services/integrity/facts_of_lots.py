"""I3 and I6: rows and ledger tell the same, quantities add up, nothing is its own ancestor.

It must not read life cycles or the sealed tree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sqlmodel import SQLModel

from qtcore.services.integrity.books import BOOKS
from qtcore.services.integrity.ground import PERSONAL_COLUMNS, Ground, Violation, unlike
from qtcore.services.stock import stock_of_nodes
from qtcore.store.ledger_rows import as_text, composed
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.sums import Sum, sums_from_scratch, sums_of
from qtcore.store.tables import (
    Device,
    Edge,
    Equipment,
    Event,
    Hold,
    InspectionResult,
    Item,
    Location,
    Lot,
    Movement,
    MovementSum,
    Party,
    Record,
    Signature,
    UserAccount,
)

_VERSIONED: Final[tuple[type[SQLModel], ...]] = (
    Record, Item, Party, Location, Equipment, Device, UserAccount,
)  # fmt: skip
_NAMED: Final[tuple[type[SQLModel], ...]] = (
    Record,
    Item,
    Party,
    Location,
    Equipment,
    Device,
    UserAccount,
    Event,
    Hold,
    InspectionResult,
    Signature,
)
# Of these the ledger tells in other words than the column holds; see `master_rows`.
IN_OTHER_WORDS: Final = {"roles", "extra", "data", "values", "contacts"}
# Of these `check_books` names a row without its entry.
_IN_BOOKS: Final = {model for model, *_ in BOOKS}
_BATCH: Final = 500


def check_told(ground: Ground) -> Iterator[Violation]:
    """I3: each row is told of, with the version and the values that the ledger told last."""
    for model in _NAMED:
        for row in ground.rows(model):
            yield from _check_row(ground, model, row)
    versions = {row.node: row for row in ground.rows(Lot)}
    for node, row in versions.items():
        uid = ground.nodes.get(node, "")
        told = ground.told.get(uid)
        if uid in ground.archived and not (told and told.version):
            continue  # the last entry that told of its version is in an archive
        last = max(told.version if told else 0, 1)
        # That an import verified a lot it had named before is told by the event, not by a version.
        if not last <= row.version <= last + 1:
            said = f"it has version {row.version}, the ledger tells of version {last}"
            yield Violation("I3", f"lot {row.lot_no}", said)
        if told:
            extra = row.extra if isinstance(row.extra, dict) else {}
            own = {name: value for name, value in told.values.items() if name not in extra}
            yield from _check_values(f"lot {row.lot_no}", row, own)


def _check_row(ground: Ground, model: type[SQLModel], row: Any) -> Iterator[Violation]:
    name = _name(model, row)
    told = ground.told.get(row.uid)
    if told is None:
        is_due = model not in _IN_BOOKS and not _is_built_in(row)
        if is_due and row.uid not in ground.archived:
            yield Violation("I3", name, "no entry of the ledger tells of it")
        return
    is_known = told.version or row.uid not in ground.archived
    if model in _VERSIONED and is_known and row.version != max(told.version, 1):
        said = f"it has version {row.version}, the ledger tells of version {max(told.version, 1)}"
        yield Violation("I3", name, said)
    # The fields of a form may have the names of columns; of records only the state is compared.
    own = told.values if model is not Record else {"state": told.values.get("state", row.state)}
    yield from _check_values(name, row, own)


def _is_built_in(row: Any) -> bool:
    """Say whether it is the unknown party or place, made before there was anything to tell."""
    return getattr(row, "code", "") == "unknown"


def _check_values(name: str, row: Any, values: dict[str, Any]) -> Iterator[Violation]:
    columns = row._mapping  # the public way to a row's names
    for column, told in values.items():
        if column not in columns or column in IN_OTHER_WORDS:
            continue
        stored = as_text(columns[column])
        if not _is_same(composed(stored or ""), told):
            said = unlike(column, stored, told, is_personal=column in PERSONAL_COLUMNS)
            yield Violation("I3", name, said)


def _is_same(stored: str, told: Any) -> bool:
    if stored == (told or ""):
        return True
    try:
        return Decimal(str(stored)) == Decimal(str(told))
    except InvalidOperation:
        return False


def check_lines(ground: Ground) -> Iterator[Violation]:
    """I3: the quantities an event moved are those the ledger tells of, and no event is gone."""
    moved: dict[int, list[Any]] = defaultdict(list)
    for row in ground.rows(Movement):
        moved[row.event_id].append(row)
    events = {event.uid: event for event in ground.rows(Event)}
    for uid in sorted(ground.event_lines.keys() - events.keys()):
        yield Violation("I3", f"event {uid}", "the ledger tells of it, but it is gone")
    for event in events.values():
        lines = ground.event_lines.get(event.uid)
        if lines is None:
            continue
        told = Counter((part, node, _decimal(amount)) for part, node, amount, _ in lines)
        stored = Counter(
            (row.part, ground.nodes.get(row.node, ""), row.quantity) for row in moved[event.id]
        )
        for line in set(told) ^ set(stored):
            side = "the ledger tells of" if line in told else "the rows hold"
            said = f"{side} {line[0]} {line[1]} {line[2]}, which the other does not"
            yield Violation("I3", f"event {event.uid}", said)


def _decimal(text: Any) -> Decimal | None:
    try:
        return None if text in (None, "") else Decimal(str(text))
    except InvalidOperation:
        return None


def check_balance(ground: Ground) -> Iterator[Violation]:
    """I6: no lot has less than nothing on hand, unless a named discrepancy says so."""
    named = {s.node: s.name for s in ground.subjects.values() if s.node is not None}
    nodes = sorted(node for node in named if node not in ground.discrepant)
    for at in range(0, len(nodes), _BATCH):
        stocks = stock_of_nodes(ground.site, ground.session, nodes[at : at + _BATCH])
        for node, stock in stocks.items():
            if stock.quantity < 0 and not stock.unknown and not stock.problems:
                said = f"{stock.quantity} {stock.unit} are on hand: more went out than came in"
                yield Violation("I6", named[node], said)


def check_sums(ground: Ground) -> Iterator[Violation]:
    """I6: what is kept of sums is what adding every movement gives."""
    named = {s.node: s.name for s in ground.subjects.values() if s.node is not None}
    for nodes in batched(sorted({row.node for row in ground.rows(MovementSum)}), _BATCH):
        kept = _by_sort(sums_of(ground.session, ground.tenant, nodes))
        whole = _by_sort(sums_from_scratch(ground.session, ground.tenant, nodes))
        for sort in sorted(kept.keys() | whole.keys(), key=str):
            if kept.get(sort) != whole.get(sort):
                node, part, effect, unit, *_ = sort
                name = named.get(node, ground.nodes.get(node, str(node)))
                said = (
                    f"the kept sum of {part} {effect} {unit} is not that of its movements, which "
                    "hold what was told; a correction of any event of it makes it anew"
                )
                yield Violation("I6", name, said)


def _by_sort(rows: Iterable[Sum]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Give what is added of each sort; how much of it was kept does not matter."""
    return {row[:6]: row._replace(fresh=0, last_id=0)[6:] for row in rows}


def check_genealogy(ground: Ground) -> Iterator[Violation]:
    """I6: nothing is its own ancestor."""
    forward: dict[int, list[int]] = defaultdict(list)
    missing: dict[int, int] = defaultdict(int)
    for edge in ground.rows(Edge):
        if edge.superseded_by is None and edge.kind != "pack":
            forward[edge.src].append(edge.dst)
            missing[edge.dst] += 1
    ready = [node for node in forward if not missing[node]]
    while ready:
        for target in forward.pop(ready.pop(), ()):
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    # What is left has a source that is never reached from outside: a circle, or behind one.
    for node in sorted(n for n in forward if missing[n] and n not in ground.discrepant):
        place = ground.nodes.get(node, str(node))
        yield Violation("I6", f"lot {place}", "it is its own ancestor, or made from such a lot")
        return


def _name(model: type[SQLModel], row: Any) -> str:
    columns = row._mapping
    label = next((columns[c] for c in ("number", "code", "login") if c in columns), row.uid)
    return f"{model.__tablename__} {label}"
