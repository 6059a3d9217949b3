"""Who must be told of a recall, by when, with which words: the plan's nodes made into notices.

It must not send anything. Planning again after something changed adds what is new, rewords what
waits, moves deadlines and ends what is asked for no more; what was sent or answered stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NoReturn

from sqlmodel import Session, select

from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.engines.forms import from_json_values
from qtcore.errors import Fault, InputRejected
from qtcore.services.channels import EMAIL
from qtcore.services.evaluation import evaluator
from qtcore.services.recall_texts import language_of, write_body, write_subject
from qtcore.services.site import Site
from qtcore.store.queries.recalls import parties_by_code
from qtcore.store.tables import RecallCase, RecallNotice, RecallSnapshot, Record
from qtcore.store.unit import UnitOfWork

OUTBOX: Final = "outbox"
RECALL: Final = "recall"
WAITING: Final = ("planned", "failed", "mock")
"""The states in which a notice can still be changed."""
_KEPT: Final = (
    *("record_id", "node_id", "recipient", "party_id", "start_event", "due_after", "calendar"),
    *("repeat_after", "channel", "address", "language", "subject", "body"),
)
_PLACES: Final = ("own_warehouses", "own_sites")
_URGENT: Final = ("I", "II")


@dataclass(frozen=True, slots=True)
class _Recipient:
    name: str
    party_id: int | None = None
    address: str = ""
    lots: tuple[Mapping[str, Any], ...] = ()
    language: str = "en"


def plans_in_force(site: Site, on: date | None) -> tuple[RecallDefinition, ...]:
    """List the recall plans of a day, by id; one that was repealed starts nothing."""
    plans: tuple[RecallDefinition, ...] = site.registry.list("recalls")
    return tuple(
        plan
        for plan in plans
        if on is None or ((plan.valid_from or on) <= on <= (plan.valid_to or on))
    )


def find_plan(site: Site, values: Mapping[str, Any], *, on: date | None = None) -> RecallDefinition:
    """Find the plan that the form of a recall names; with `on` it must be in force that day.

    Raises InputRejected for it, or for a class it does not have.
    """
    name = str(values.get("plan", ""))
    plan: RecallDefinition | None = site.registry.find("recalls", name)
    usable = plans_in_force(site, on)
    known = ", ".join(p.id for p in usable) or "none: no pack brings one"
    if plan is None:
        text = f"there is no recall plan {name!r}; known plans: {known}"
        raise InputRejected(text, [Fault("QT411", text, "/data/plan")])
    if plan not in usable:
        span = f"{plan.valid_from or '…'} to {plan.valid_to or '…'}"
        text = f"plan {name!r} is in force from {span}, not on {on}; plans in force: {known}"
        raise InputRejected(text, [Fault("QT411", text, "/data/plan")])
    given, classes = values.get("recall_class"), [c.id for c in plan.classes]
    if given and given not in classes:
        text = f"plan {name!r} has no class {given!r}; it has: {', '.join(classes)}"
        raise InputRejected(text, [Fault("QT411", text, "/data/recall_class")])
    return plan


def nodes_of(site: Site, plan: RecallDefinition) -> list[RecallNode]:
    """List the nodes of a plan with those that packs add, in their order."""
    added = [n for _, nodes in site.hooks.contribute_recall_nodes(plan).values for n in nodes]
    known = {node.id for node in plan.nodes}
    return sorted((*plan.nodes, *(n for n in added if n.id not in known)), key=lambda n: n.order)


def plan_notices(
    site: Site, work: UnitOfWork, told: tuple[RecallCase, Record], content: Mapping[str, Any]
) -> int:
    """Make the notices what the plan asks for; returns how many were added, changed or ended.

    `content` is the frozen scope. A class that was not chosen yet plans for the first, the
    strictest, class.
    """
    case, record = told
    plan = RecallDefinition.model_validate(case.plan)
    klass = case.recall_class or plan.classes[0].id
    had = {(r.node_id, r.recipient, r.round): r for r in notices_of(work.session, record)}
    asked: set[tuple[str, str]] = set()
    count = 0
    nodes = list(_asked(site, plan, klass, record))
    # Our own sites are told as places where the plan tells those, and as customers nowhere then.
    own = _own_sites(work, content) if any(n.recipient in _PLACES for n in nodes) else frozenset()
    for node in nodes:
        for recipient in _recipients(work, node, content, own):
            asked.add((node.id, recipient.name))
            values = _values(site, (case, record, klass), (node, recipient))
            count += _write(work, (case, record, node), (recipient, values), had)
    count += sum(
        _end(work, row) for row in had.values() if (row.node_id, row.recipient) not in asked
    )
    work.flush()
    return count


def replan_notices(site: Site, work: UnitOfWork, record: Record) -> int:
    """Plan again after the record of a recall was corrected: another class, plan or wording.

    A record of another kind, or a recall that was never started from a scope, has none. Raises
    InputRejected for a plan that does not exist, a class it does not have, and when an exercise
    would become a recall or a recall an exercise.
    """
    if record.kind != RECALL:
        return 0
    case = find_case(work.session, record)
    if case is None:
        return 0
    if bool(record.data.get("mock")) != case.is_mock:
        _refuse_other_kind(record, case)
    plan = find_plan(site, record.data)
    klass = str(record.data.get("recall_class") or "")
    body = case.plan if case.plan["id"] == plan.id else plan.model_dump(mode="json", by_alias=True)
    changes = work.change(case, recall_class=klass, plan=body)
    changes.pop("plan", None)  # the pinned text is long; its name is a value of the record
    work.flush()
    frozen = newest_snapshot(work.session, record)
    count = plan_notices(site, work, (case, record), frozen.scope)
    if count or changes:
        work.log("recall.replan", "record", record.uid, changes=changes, details={"notices": count})
    return count


def _refuse_other_kind(record: Record, case: RecallCase) -> NoReturn:
    """Keep an exercise one, and a recall a recall: its holds and notices are what they are."""
    was, other = ("an exercise", "a recall") if case.is_mock else ("a recall", "an exercise")
    text = (
        f"{record.number} was opened as {was} and stays one: leave `mock` at "
        f"{str(case.is_mock).lower()}; for {other}, start another from the same lots"
    )
    raise InputRejected(text, [Fault("QT411", text, "/data/mock")])


def plan_next(work: UnitOfWork, row: RecallNotice) -> bool:
    """Plan the next round of what is due again and again; once, and only where a plan says so."""
    if not row.repeat_after or row.state == "void":
        return False
    same = (
        RecallNotice.tenant_id == row.tenant_id,
        RecallNotice.record_id == row.record_id,
        RecallNotice.node_id == row.node_id,
        RecallNotice.recipient == row.recipient,
        RecallNotice.round == row.round + 1,
    )
    if work.session.exec(select(RecallNotice).where(*same)).first() is not None:
        return False
    values = {name: getattr(row, name) for name in _KEPT}
    work.add(
        RecallNotice(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            round=row.round + 1,
            state="planned",
            **values,
        )
    )
    work.flush()
    return True


def find_case(session: Session, record: Record) -> RecallCase | None:
    """Find the case of a recall record; None for a record that was not started from a scope."""
    return session.exec(
        select(RecallCase).where(
            RecallCase.tenant_id == record.tenant_id, RecallCase.record_id == record.id
        )
    ).first()


def newest_snapshot(session: Session, record: Record) -> RecallSnapshot:
    """Get the newest frozen scope of a recall; each recall has one."""
    return session.exec(
        select(RecallSnapshot)
        .where(RecallSnapshot.tenant_id == record.tenant_id, RecallSnapshot.record_id == record.id)
        .order_by(RecallSnapshot.number.desc())  # type: ignore[attr-defined]
    ).first()  # type: ignore[return-value]


def notices_of(session: Session, record: Record) -> list[RecallNotice]:
    """List the notices of a recall in the order of the plan."""
    rows = session.exec(
        select(RecallNotice).where(
            RecallNotice.tenant_id == record.tenant_id, RecallNotice.record_id == record.id
        )
    ).all()
    return sorted(rows, key=lambda row: row.id)


def _asked(site: Site, plan: RecallDefinition, klass: str, record: Record) -> Iterator[RecallNode]:
    """Give the nodes that the class and the form ask for; what nobody filled in yet asks for it."""
    evaluate = evaluator(site.registry, f"recalls:{plan.id}")
    form: FormDefinition = site.registry.get("forms", RECALL)
    values = dict(from_json_values(form.schema_, record.data))
    for node in nodes_of(site, plan):
        if klass not in node.due:
            continue
        if node.when is None or evaluate(node.when, values) is not False:
            yield node


def _own_sites(work: UnitOfWork, content: Mapping[str, Any]) -> frozenset[str]:
    """Name those among the customers of a scope that are sites of the company."""
    codes = [row["customer"] for row in content["shipped_sales_orders"]]
    known = parties_by_code(work.session, work.tenant_id, codes)
    return frozenset(code for code, party in known.items() if "site" in (party.roles or ()))


def _recipients(
    work: UnitOfWork, node: RecallNode, content: Mapping[str, Any], own: frozenset[str]
) -> list[_Recipient]:
    left = [(row["customer"], row) for row in content["shipped_sales_orders"]]
    if node.recipient == "direct_accounts":
        return _parties(work, [row for row in left if row[0] not in own])
    if node.recipient == "suppliers":
        rows = [(row["supplier"], row) for row in content["purchase_orders"]]
        return _parties(work, rows)
    if node.recipient in _PLACES:
        bins = [_Recipient(b["place"], lots=tuple(b["lots"])) for b in content["stock_on_hand"]]
        sites = _parties(work, [row for row in left if row[0] in own])
        return [*bins, *sites] or [_Recipient(node.recipient)]
    return [_Recipient(node.recipient, lots=tuple(content["lots"])[:50])]


def _parties(work: UnitOfWork, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[_Recipient]:
    known = parties_by_code(work.session, work.tenant_id, [code for code, _ in rows])
    return [
        _Recipient(
            code,
            known[code].id if code in known else None,
            str(row["email"]),
            tuple(row["lots"]),
            str((known[code].contacts or {}).get("language", "en")) if code in known else "en",
        )
        for code, row in rows
        if code
    ]


def _values(
    site: Site, told: tuple[RecallCase, Record, str], to: tuple[RecallNode, _Recipient]
) -> dict[str, Any]:
    """Give what changes with the class, the plan and the words of the record."""
    (case, record, klass), (node, recipient) = told, to
    language = language_of(recipient.language)
    facts = {
        **record.data,
        "number": record.number,
        "recipient": recipient.name,
        "step": site.registry.text(f"recalls.{case.plan['id']}.nodes.{node.id}", language),
        "klass": klass,
        "is_urgent": klass in _URGENT,
    }
    return {
        "start_event": node.start_event,
        "due_after": node.due[klass],
        "repeat_after": node.repeat.get(klass, ""),
        "calendar": node.calendar,
        "language": language,
        "subject": write_subject(language, facts),
        "body": write_body(language, facts, recipient.lots),
    }


def _write(
    work: UnitOfWork,
    told: tuple[RecallCase, Record, RecallNode],
    to: tuple[_Recipient, Mapping[str, Any]],
    had: Mapping[tuple[str, str, int], RecallNotice],
) -> int:
    """Add the notice, or bring each round of it up to date: what was sent keeps its words."""
    (case, record, node), (recipient, values) = told, to
    state = "mock" if case.is_mock else "planned"
    rounds = [row for (n, r, _), row in had.items() if (n, r) == (node.id, recipient.name)]
    terms = {k: v for k, v in values.items() if k not in ("language", "subject", "body")}
    changed = 0
    for row in rounds:
        if row.state == "void":
            changed += bool(work.change(row, **values, state=state))
        elif row.state in WAITING:
            changed += bool(work.change(row, **values))
        elif row.state != "acknowledged":
            changed += bool(work.change(row, **terms))
    if rounds:
        return changed
    work.add(
        RecallNotice(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            record_id=record.id,
            node_id=node.id,
            recipient=recipient.name,
            party_id=recipient.party_id,
            state=state,
            channel=EMAIL if recipient.address else OUTBOX,
            address=recipient.address,
            **values,
        )
    )
    return 1


def _end(work: UnitOfWork, row: RecallNotice) -> bool:
    """End what waits and is asked for no more; what went out cannot be taken back."""
    return row.state in WAITING and bool(work.change(row, state="void"))
