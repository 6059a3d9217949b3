"""What is signed when a step of a life cycle is: the record as it is, the step, the rules.

It must not write anything; the same content is made for the eyes of the signer and for the row.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from qtcore.definitions.stored_states import states_in
from qtcore.definitions.workflows import SignatureDemand, Transition, WorkflowDefinition
from qtcore.engines.workflow import Moved
from qtcore.errors import Refusal
from qtcore.services.manifestations import find_fault
from qtcore.services.sign_content import (
    SignedContent,
    digest_of,
    field_words,
    list_differences,
    lot_part,
    parts_now,
    read_content,
    record_part,
)
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Record, Signature

Signed = tuple[SignatureDemand, SignedContent]
Thing = tuple[NodeInfo | Record, NodeInfo | None]


def step_contents(
    site: Site,
    session: Session,
    about: tuple[Thing, WorkflowDefinition, str],
    made: tuple[Moved, Sequence[Mapping[str, Any]], Mapping[str, Any]],
) -> Iterator[Signed]:
    """Give what is signed by each signed transition of a step.

    `about` is the lot or record, its life cycle and the language; `made` is the step as decided,
    the verdicts of its rules and the values of its form.
    """
    (row, info), workflow, language = about
    moved, verdicts, values = made
    steps = [s for s in (moved.legs[0].steps if moved.legs else ()) if s.signature is not None]
    if not steps:
        return
    is_record = isinstance(row, Record)
    if isinstance(row, Record):
        uid, revision, part = row.uid, row.revision, record_part(site, session, row)
        words = field_words(site, session, row, language)
    elif info is not None:
        uid, revision, part = info.uid, info.version, lot_part(site, session, info)
        words = {}
    for step in steps:
        demand = step.signature
        if demand is None:
            continue
        content = {
            "act": {
                "workflow": workflow.id,
                "transition": step.id,
                "from": moved.legs[0].from_state,
                "to": moved.legs[0].to_state,
            },
            "values": dict(values),
            "rules": [_verdict(each) for each in verdicts],
            "since": _since(site, session, uid, part),
            "words": {
                **words,
                "transition": site.registry.text(
                    f"workflows.{workflow.id}.transitions.{step.id}", language
                ),
                "from": _state(site, workflow, moved.legs[0].from_state, language),
                "to": _state(site, workflow, moved.legs[0].to_state, language),
            },
        }
        yield demand, SignedContent("record" if is_record else "lot", uid, revision, content, part)


def lapsed_signatures(
    site: Site, session: Session, subject: tuple[str, str], steps: Sequence[Transition]
) -> list[Refusal]:
    """Say which signatures that a step builds on are missing, or no longer hold for the record."""
    wanted = dict.fromkeys(name for step in steps for name in step.needs_signed)
    if not wanted:
        return []
    uid = subject[1]
    part = parts_now(site, session, [subject]).get(uid)
    now = digest_of(part) if part is not None else ""
    rows = session.exec(
        select(Signature)
        .where(Signature.tenant_id == site.store.tenant_id, Signature.subject_uid == uid)
        .order_by(col(Signature.id))
    ).all()
    last = {_transition(row): row for row in rows}
    refusals = []
    for name in wanted:
        row = last.get(name)
        if row is not None and row.subject_sha256 == now and not find_fault(row):
            continue
        said = (
            f"the signature of {name} by {row.signer_name} is void for what is written now: it "
            f"was given for revision {row.subject_revision}"
            if row is not None
            else f"nobody signed {name}"
        )
        refusals.append(Refusal("QT479", said, fix=f"have {name} signed again", source="11.70"))
    return refusals


def _transition(row: Signature) -> str:
    act = read_content(row.content).get("content", {}).get("act", {}) if row.content else {}
    return str(act.get("transition", ""))


def _verdict(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told.get(name) for name in ("rule", "title", "outcome", "facts", "missing")}


def _state(site: Site, workflow: WorkflowDefinition, state: str, language: str) -> str:
    names = [
        site.registry.text(f"workflows.{workflow.id}.states.{each.id}", language)
        for each in states_in(workflow, state)
    ]
    return " + ".join(names) or state


def _since(site: Site, session: Session, uid: str, part: Mapping[str, Any]) -> list[str]:
    """Say what changed since the last signature under this record."""
    last = session.exec(
        select(Signature.content)
        .where(Signature.tenant_id == site.store.tenant_id, Signature.subject_uid == uid)
        .order_by(col(Signature.id).desc())
        .limit(1)
    ).first()
    signed = read_content(last).get("record", {}) if last else {}
    return list_differences(signed, part) if signed else []
