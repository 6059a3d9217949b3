"""What many steps of one transaction are decided on, read together before the first is made.

It must not decide. Only what no other of these steps can change is read ahead: a lot that has no
inputs and is known under one key. Whoever makes a step with effects forgets all of it.
"""

from collections.abc import Iterable
from datetime import date

from sqlmodel import Session

from qtcore.services.evidence import read_evidences
from qtcore.services.site import Site
from qtcore.services.steps import Subject, workflow_of_lot
from qtcore.store.queries.evidence import parts_there
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.queries.records import state_changes_by_subject


def read_ahead(site: Site, session: Session, nodes: Iterable[int], on: date) -> dict[int, Subject]:
    """Read lots as the subjects of steps, with their evidence, by node; others are left out."""
    tenant = site.store.tenant_id
    infos = describe_nodes(session, tenant, nodes)
    there = parts_there(session, tenant, infos)
    alone = [info for info in infos.values() if "inputs" not in there[info.node]]
    histories = state_changes_by_subject(session, tenant, [info.uid for info in alone])
    evidences = read_evidences(site, session, alone, on)
    return {
        info.node: Subject(
            "lot",
            info,
            info.uid,
            f"lot {info.lot_no}",
            workflow_of_lot(site, session, info),
            tuple(histories.get(info.uid, ())),
            info,
            evidences[info.node],
        )
        for info in alone
    }
