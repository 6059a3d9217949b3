"""Freezing the scope of a running recall anew: what came to be known later is recalled as well.

It must not take anything back: earlier snapshots stay, what was told stays told, and a hold that
was lifted stays lifted.
"""

from dataclasses import dataclass
from typing import Any

from qtcore.context import Context
from qtcore.definitions.workflows import RECALL
from qtcore.errors import Conflict, InputRejected
from qtcore.services.holds import Held, write_holds
from qtcore.services.recall_cases import question_of
from qtcore.services.recall_notices import get_case
from qtcore.services.recall_opening import find_scope, freeze
from qtcore.services.recall_planning import newest_snapshot, plan_notices
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site


@dataclass(frozen=True, slots=True)
class Renewal:
    """A scope that was frozen anew: its number, the lots that are new in it, and what was done."""

    number: int
    added: tuple[str, ...]
    held: Held
    notices: int
    content_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "number": self.number,
            "added": list(self.added),
            "held": list(self.held.holds),
            "broken": list(self.held.broken),
            "notices": self.notices,
            "content_sha256": self.content_sha256,
        }


def renew_scope(site: Site, context: Context, record_id: str, reason: str) -> Renewal:
    """Freeze the scope of a recall as it is today, hold what is new in it, and plan its notices.

    A mock recall holds nothing. Raises Conflict once the recall is closed, InputRejected without a
    reason, NotFound, Denied.
    """
    require(site, context, "recall.start", about=record_id)
    if not reason.strip():
        raise InputRejected("say why the scope is frozen anew: what came to be known")
    with site.store.write(context) as work:
        work.take_turn()
        record = get_record(site, work.session, record_id)
        case = get_case(work.session, record)
        if record.closed_at is not None:
            raise Conflict(f"recall {record.number} is closed; open another one")
        before = newest_snapshot(work.session, record)
        known = {lot["lot_id"] for lot in before.scope["lots"]}
        found = find_scope(site, work, question_of(case), reason)
        content = found.scope.as_json()
        number = before.number + 1
        digest = freeze(work, record, content, (case.is_mock, found.seconds), number=number)
        added = [node.info for node in found.scope.trace.nodes if node.info.uid not in known]
        held = Held((), ())
        if not case.is_mock and added:
            held = write_holds(
                work,
                [info.node for info in added],
                f"{record.number}: {reason}",
                cause=RECALL,
                record_uid=record.uid,
            )
        work.flush()
        notices = plan_notices(site, work, (case, record), content)
        uids = tuple(info.uid for info in added)
        return Renewal(number, uids, held, notices, digest)
