"""What holds a person's values beside history and records, and goes with them when they are erased.

It must not touch records: who did something stays there, see docs/operating-the-ledger.md.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, update
from sqlmodel import Session, select

from qtcore.services.accounts import find_account
from qtcore.services.held_values import HeldValues
from qtcore.services.sign_intents import drop_unused, drop_unused_where
from qtcore.services.spent_keys import spend_where
from qtcore.store.columns import table_of
from qtcore.store.tables import ApiToken, KeptForm, LedgerJob, Person, TokenUse, WebSession
from qtcore.store.unit import UnitOfWork

_EMPTIED: Final[Mapping[str, tuple[type, tuple[str, ...]]]] = {
    "web_session": (WebSession, ("ip", "agent")),
    "token_use": (TokenUse, ("ip",)),
    "ledger_job": (LedgerJob, ("asked_by",)),
    "person": (Person, ("email",)),
}


def drop_values(work: UnitOfWork, values: Collection[str]) -> dict[str, int]:
    """Take away what may be signed and answers kept under a key that hold one of these."""
    held = HeldValues(values)
    return {
        "idempotency_key": spend_where(
            work.session, work.tenant_id, in_key=held.in_key, in_answer=held.in_data
        ),
        "sign_intent": drop_unused_where(work.session, work.tenant_id, held.in_data),
    }


def drop_copies(work: UnitOfWork, login: str) -> dict[str, int]:
    """Take away what is kept for a person's convenience, or to find them; says how much of each."""
    account = find_account(work.session, work.tenant_id, login)
    if account is None:
        return drop_values(work, [login])
    person = work.session.get_one(Person, (work.tenant_id, account.person_id))
    found = drop_values(work, (login, person.name, person.email))
    found["sign_intent"] += drop_unused(work.session, work.tenant_id, user_id=account.id)
    tokens = select(ApiToken.id).where(
        ApiToken.tenant_id == work.tenant_id, ApiToken.user_id == account.id
    )
    whose: Mapping[str, Any] = {
        "web_session": table_of(WebSession).c.user_id == account.id,
        "token_use": table_of(TokenUse).c.token_id.in_(tokens),
        "ledger_job": table_of(LedgerJob).c.asked_by == login,
        "person": table_of(Person).c.id == account.person_id,
    }
    for name, (model, columns) in _EMPTIED.items():
        table = table_of(model)
        found[name] = _empty(work.session, table, columns, (_ours(work, table), whose[name]))
    kept = table_of(KeptForm)
    own = delete(kept).where(_ours(work, kept), kept.c.user_id == account.id)
    found["kept_form"] = work.session.execute(own).rowcount  # type: ignore[attr-defined]
    return found


def _ours(work: UnitOfWork, table: Table) -> ColumnElement[bool]:
    return table.c.tenant_id == work.tenant_id


def _empty(
    session: Session, table: Table, columns: Collection[str], which: Collection[ColumnElement[bool]]
) -> int:
    done = session.execute(update(table).where(*which).values(dict.fromkeys(columns, "")))
    return int(done.rowcount)  # type: ignore[attr-defined]
