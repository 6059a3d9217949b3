"""Which tables a transaction has written to, so that no business row is stored without its entry.

It must not know who writes or why.
"""

import re
from collections.abc import Set
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from qtcore.errors import QTCoreError

# Rows that are no facts about lots: the ledger itself, sessions, delivery, counters, load marks,
# sums of what is told; what somebody is about to sign, and how often a signer tried: what comes of
# it is told.
PLUMBING: Final = frozenset(
    {
        "ledger_event",
        "ledger_about",
        "ledger_private",
        "ledger_pending",
        "ledger_seal",
        "ledger_tile",
        "ledger_checkpoint",
        "ledger_lease",
        "ledger_cosignature",
        "ledger_stamp",
        "ledger_root",
        "ledger_job",
        "key_counter",
        "web_session",
        "kept_form",
        "token_use",
        "throttle",
        "credential_ticket",
        "provider_visit",
        "sign_intent",
        "signer_standing",
        "idempotency_key",
        "outbox",
        "notification_receipt",
        "import_run",
        "replay_job",
        "import_row",
        "movement_sum",
    }
)
_WRITTEN: Final = "qtcore_written"
_WRITE: Final = re.compile(
    r"\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)"
    r"\s+(?:ONLY\s+)?\"?(\w+)\"?",
    re.IGNORECASE,
)


def watch_writes(engine: Engine) -> None:
    """Note, for each connection of an engine, the tables its statements write to."""
    # Told what it returns, SQLAlchemy puts no function of its own around each call.
    event.listen(engine, "before_cursor_execute", _note_tables, retval=True)


def begin_watch(connection: Connection) -> None:
    """Start counting anew: a pooled connection remembers its last transaction."""
    connection.info[_WRITTEN] = set()


def check_watch(connection: Connection, *, entries: int) -> None:
    """Refuse to commit business rows that no ledger entry tells of."""
    unlogged = written_tables(connection) - PLUMBING
    if unlogged and not entries:
        raise QTCoreError(
            f"rows of {', '.join(sorted(unlogged))} were written without a ledger entry, and are "
            "not stored; call log() in the same unit of work",
            code="QT510",
        )


def written_tables(connection: Connection) -> Set[str]:
    """Name the tables that were written to since the watch began."""
    found: set[str] = connection.info.get(_WRITTEN, set())
    return found


def _note_tables(
    connection: Connection, _cursor: Any, statement: str, told: Any, *_rest: Any
) -> tuple[str, Any]:
    if not statement.startswith("SELECT"):
        connection.info.setdefault(_WRITTEN, set()).update(_tables_in(statement))
    return statement, told


@lru_cache(maxsize=1000)
def _tables_in(statement: str) -> frozenset[str]:
    # "FOR UPDATE" and "DO UPDATE SET" match too, with words that no table has as its name.
    return frozenset(name for name in _WRITE.findall(statement) if name not in ("SET", "OF"))
