"""Work after the commit: messages of the outbox are delivered, committed events are sealed.

It must not know who asked; a message is delivered at least once, and a pack that fails is named.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import update
from sqlmodel import Session, select

from qtcore.errors import QTCoreError
from qtcore.hookspecs import EventFacts, LotQuantity, TransitionFacts
from qtcore.registry.fence import Failure
from qtcore.services.audit import seal
from qtcore.services.deadlines import settle_deadlines
from qtcore.services.device_reminders import remind_of_calibrations
from qtcore.services.lot_changes import FINDINGS
from qtcore.services.notification_sending import send_messages
from qtcore.services.recall_channels import tell_notice
from qtcore.services.recall_reminders import remind
from qtcore.services.sealing import read_sealing
from qtcore.services.serving import Serving
from qtcore.services.sign_intents import drop_unused
from qtcore.services.site import Site
from qtcore.services.spent_keys import read_answers_kept, spend_old
from qtcore.services.stamping import stamp_when_due
from qtcore.services.telling import NOTIFY
from qtcore.services.waking import lots_of_events, lots_of_records, wake_records, wakes_any
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.columns import table_of
from qtcore.store.lease import release_lease
from qtcore.store.queries.events import event_lines, get_event
from qtcore.store.queries.keyset import batched
from qtcore.store.tables import Outbox

BATCH: Final = 500
MOST_ATTEMPTS: Final = 10
SEAL_EVERY: Final = 0.5
_SWEEP_EVERY: Final = 600.0
_UNUSED_KEPT: Final = timedelta(days=1)
_OF_RECORD: Final = ("transition", "record")
_OUTBOX: Final = table_of(Outbox)
_LOG = structlog.get_logger("qtcore.jobs")


def settle(site: Site, *, keeps_lease: bool = False) -> int:
    """Settle deadlines, deliver what waits in the outbox, seal; returns the tree's size."""
    settle_deadlines(site)
    while deliver(site) == BATCH:
        continue
    return seal(site, keeps_lease=keeps_lease)


def run_round(site: Site) -> None:
    """Do one round of a worker: deliver, seal, tell those outside, and say when sealing is late."""
    sealed = -1
    if not site.store.fence:
        remind(site)
        remind_of_calibrations(site)
        sealed = settle(site, keeps_lease=True)
    if site.outposts.has_witness:
        tell_witnesses(site)
    if site.outposts.authorities and not site.store.fence:
        stamp_when_due(site)
    state = read_sealing(site)
    if state.is_late:
        seconds = state.lag.total_seconds()
        _LOG.error("sealing is late", pending=state.pending, lag_seconds=seconds, sealed=sealed)


def _seal_round(site: Site) -> None:
    if not site.store.fence:
        seal(site, keeps_lease=True)


def sweep(site: Site, answers_kept: timedelta) -> None:
    """Take away what is kept for some days only."""
    if not site.store.fence:
        spend_old(site, answers_kept)
        with site.store.plumbing() as session:
            before = site.sources.now() - _UNUSED_KEPT
            drop_unused(session, site.store.tenant_id, before=before)


def deliver(site: Site) -> int:
    """Deliver one batch of messages to the packs; returns how many were tried."""
    with site.store.read() as session:
        rows = session.exec(
            select(Outbox)
            .where(
                Outbox.tenant_id == site.store.tenant_id,
                Outbox.delivered_at == None,  # noqa: E711
                Outbox.attempts < MOST_ATTEMPTS,
            )
            .order_by(Outbox.id)  # type: ignore[arg-type]
            .limit(BATCH)
        ).all()
    if rows:
        woken = _wake_all(site, rows)
        failed = {row.id: _tell(site, row, woken.get(row.id)) for row in rows}
        with site.store.plumbing() as session:
            _note_tries(session, site, {row.id: failed[row.id] for row in rows})
    return len(rows)


def _note_tries(session: Session, site: Site, tried: Mapping[int, Sequence[Failure]]) -> None:
    """Note of each message that it was tried, and how: one statement for all that were told."""
    of_tenant = update(_OUTBOX).where(_OUTBOX.c.tenant_id == site.store.tenant_id)
    again = {"attempts": _OUTBOX.c.attempts + 1}
    now = site.sources.now()
    told = [key for key, failures in tried.items() if not failures]
    for few in batched(told):
        session.execute(
            of_tenant.where(_OUTBOX.c.id.in_(few)).values(**again, last_error="", delivered_at=now)
        )
    for key, failures in tried.items():
        if failures:
            said = "; ".join(failure.message for failure in failures)[:400]
            session.execute(of_tenant.where(_OUTBOX.c.id == key).values(**again, last_error=said))


def _wake_all(site: Site, rows: Sequence[Outbox]) -> dict[int, tuple[Failure, ...]]:
    """Let records go on that wait for what these messages tell of; gives what failed, by message.

    All lots are looked at together. Only when a record cannot go on is it asked message by message
    which of them it is, so that this one is tried again and the others are not.
    """
    lots = _lots_told(site, rows)
    if not _wake(site, list(dict.fromkeys(lot for some in lots.values() for lot in some))):
        return {}
    return {key: _wake(site, some) for key, some in lots.items()}


def _lots_told(site: Site, rows: Sequence[Outbox]) -> dict[int, list[str]]:
    """Name the lots of each message that may wake a record."""
    if not wakes_any(site):
        return {}
    events = [row.payload["event_id"] for row in rows if row.topic == "event"]
    with site.store.read() as session:
        of_events = lots_of_events(session, site.store.tenant_id, events)
        of_records = lots_of_records(
            session,
            site.store.tenant_id,
            [r.payload["id"] for r in rows if (r.topic, r.payload.get("kind")) == _OF_RECORD],
        )
    found: dict[int, list[str]] = {}
    for row in rows:
        if row.topic == "event":
            found[row.id] = of_events.get(row.payload["event_id"], [])
        elif row.topic == FINDINGS:
            found[row.id] = list(row.payload["lots"])
        elif (row.topic, row.payload.get("kind")) == _OF_RECORD:
            found[row.id] = of_records.get(row.payload["id"], [])
        elif row.topic == "transition":
            found[row.id] = [row.payload["id"]]
    return found


def _tell(site: Site, row: Outbox, woken: tuple[Failure, ...] | None) -> tuple[Failure, ...]:
    teller = _TELLERS.get(row.topic)
    failures = (*(woken or ()), *(teller(site, row.payload) if teller else ()))
    for failure in failures:
        _LOG.warning("pack failed", pack=failure.pack, hook=failure.hook, error=failure.message)
    return failures


def _wake(site: Site, lots: Sequence[str]) -> tuple[Failure, ...]:
    """Let records go on that wait for what was found; one that cannot is named and tried again."""
    if not lots:
        return ()
    try:
        wake_records(site, lots)
    except QTCoreError as error:
        return (Failure("core", "wake", error.message),)
    return ()


def _tell_event(site: Site, payload: Mapping[str, Any]) -> tuple[Failure, ...]:
    if not site.hooks.judges_of("after_event"):
        return ()
    with site.store.read() as session:
        event = get_event(session, site.store.tenant_id, payload["event_id"])
        lines = event_lines(session, site.store.tenant_id, event.id)
    facts = EventFacts(
        event_id=event.uid,
        event_type=event.event_type,
        verb=event.verb,
        event_at=event.event_at,
        recorded_at=event.recorded_at,
        inputs=tuple(
            LotQuantity(x.node_uid, x.lot_no, x.item_code, x.quantity, x.unit)
            for x in lines
            if x.part not in ("output", "parent")
        ),
        outputs=tuple(
            LotQuantity(x.node_uid, x.lot_no, x.item_code, x.quantity, x.unit)
            for x in lines
            if x.part in ("output", "parent")
        ),
        fields=event.values,
    )
    return tuple(site.hooks.after_event(facts))


def _tell_transition(site: Site, payload: Mapping[str, Any]) -> tuple[Failure, ...]:
    facts = TransitionFacts(
        subject=payload["kind"],
        subject_id=payload["id"],
        kind=payload["kind"],
        workflow=payload.get("workflow", ""),
        transition=payload["transition"],
        from_state=payload.get("from", ""),
        to_state=payload["to"],
    )
    return tuple(site.hooks.after_transition(facts))


_TELLERS: Mapping[str, Callable[[Site, Mapping[str, Any]], tuple[Failure, ...]]] = {
    "event": _tell_event,
    NOTIFY: send_messages,
    "transition": _tell_transition,
    "recall.notice": tell_notice,
}


class Worker:
    """Threads that settle a site again and again until they are stopped.

    Each round works by the definitions and hooks that are published then. What was committed is
    sealed by a thread of its own: it must not wait for deliveries, however many there are. Raises
    InputRejected for a wrong `QTCORE_ANSWERS_KEPT`.
    """

    def __init__(
        self,
        site: Site | Serving,
        *,
        every_seconds: float = 2.0,
        seal_every_seconds: float = SEAL_EVERY,
    ) -> None:
        self._serving = site if isinstance(site, Serving) else Serving(site)
        self._stop = threading.Event()
        rounds = (
            (run_round, every_seconds),
            (_seal_round, seal_every_seconds),
            (partial(sweep, answers_kept=read_answers_kept()), _SWEEP_EVERY),
        )
        self._threads = [
            threading.Thread(target=self._run, args=each, name="qtcore-worker", daemon=True)
            for each in rounds
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the rounds that run, and settle once more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        if not self._serving.now().store.fence:
            settle(self._serving.now())
            # Also when nothing was left to seal: the next one would wait for the lease to run out.
            release_lease(self._serving.now().store)
            tell_witnesses(self._serving.now())

    def _run(self, work: Callable[[Site], None], every: float) -> None:
        while not self._stop.wait(every):
            try:
                work(self._serving.now())
            except QTCoreError as error:
                _LOG.error("settling failed", code=error.code, error=error.message)
            except Exception:
                # The worker must outlive a round that failed: the lag shows, and the cause is here.
                _LOG.exception("settling failed")
