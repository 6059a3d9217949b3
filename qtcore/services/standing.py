"""In whose place somebody acts: what others lend to a person now, and whom that makes them.

It must not know how delegations are made. Who is represented counts as having acted wherever
persons are compared: a delegate can do nothing that the person represented could not do, and never
both halves of what two persons must do.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from qtcore.context import Actor, Context
from qtcore.definitions.workflows import Transition
from qtcore.errors import Denied, Refusal
from qtcore.services.rights import permissions_of, require
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, read_rows
from qtcore.store.tables import Delegation, UserAccount

CREATE: Final = "create"
_LENT: Final = table_of(Delegation).c
_AT: Final[ColumnElement[datetime]] = bindparam("at", type_=_LENT.valid_from.type)
_IN_FORCE: Final = (
    sql_select(_LENT.uid, _LENT.principal_id, _LENT.roles, _LENT.actions)
    .where(
        _LENT.tenant_id == TENANT,
        _LENT.delegate_id == bindparam("delegate", type_=BigInteger),
        _LENT.valid_from <= _AT,
        _LENT.valid_to > _AT,
        _LENT.revoked_at.is_(None),
    )
    .order_by(_LENT.id)
)


@dataclass(frozen=True, slots=True)
class Lent:
    """What a delegation in force lends now: the roles that the principal holds and put in scope."""

    uid: str
    principal_id: int
    login: str
    roles: frozenset[str]
    actions: tuple[str, ...]

    def covers(self, workflow: str, steps: Sequence[Transition]) -> bool:
        """Say whether it lets somebody make one of these steps of a workflow."""
        return any(
            not self.roles.isdisjoint(step.roles)
            and (not self.actions or not action_names(workflow, step).isdisjoint(self.actions))
            for step in steps
        )

    def covers_opening(self, workflow: str) -> bool:
        """Say whether records of a workflow may be opened by it."""
        return not self.actions or not {workflow, f"{workflow}.{CREATE}"}.isdisjoint(self.actions)


def lent_to(site: Site, session: Session, person_id: int | None, at: datetime) -> tuple[Lent, ...]:
    """List what other persons lend to one now; nothing that they do not hold themselves."""
    if person_id is None:
        return ()
    tenant = site.store.tenant_id
    rows = read_rows(session, _IN_FORCE, {"tenant": tenant, "delegate": person_id, "at": at})
    found = []
    bound = unlendable(site, session, person_id) if rows else frozenset()
    for row in rows:
        accounts = active_accounts(session, tenant, row.principal_id)
        held = {role for account in accounts for role in account.roles} - bound
        scope = frozenset(held & set(row.roles) if row.roles else held)
        if scope:
            login = accounts[0].login
            found.append(Lent(row.uid, row.principal_id, login, scope, tuple(row.actions)))
    return tuple(found)


def require_still_lent(site: Site, context: Context, delegations: Collection[str]) -> None:
    """Let pass who acts by these delegations as before; Denied says what became of the first.

    For what is signed a while after it was shown: it says in whose place it is signed.
    """
    gone = sorted(set(delegations) - set(context.actor.delegations))
    if not gone:
        return
    with site.store.read() as session:
        rows = session.exec(
            select(Delegation).where(
                Delegation.tenant_id == site.store.tenant_id, col(Delegation.uid).in_(gone)
            )
        ).all()
    text = "a delegation by which you act is not there any more; nothing is signed"
    for row in rows[:1]:
        what = "lends nothing for this now: the person represented holds no such role any more"
        if row.revoked_at is not None:
            what = f"was ended by {row.revoked_by} on {row.revoked_at:%Y-%m-%d %H:%M} UTC"
        elif row.valid_to <= context.at:
            what = f"was over on {row.valid_to:%Y-%m-%d %H:%M} UTC"
        text = f"the delegation {row.uid} by which you act {what}; nothing is signed"
    raise Denied(text, [Refusal("QT470", text, fix="open it again and see what you may sign")])


def require_or_lent(site: Site, context: Context, right: str, *, about: str = "") -> None:
    """Let pass who holds a right, or to whom somebody lends a role that carries it; see `act_at`.

    What exactly is lent is known only with the step; the right is required again then.
    """
    if not context.actor.may(right):
        with site.store.read() as session:
            lent = lent_to(site, session, context.actor.person_id, context.at)
        roles = sorted({role for each in lent for role in each.roles})
        if not Actor("", permissions=permissions_of(site, roles)).may(right):
            require(site, context, right, about=about)


def act_at(
    site: Site,
    session: Session,
    context: Context,
    asked: tuple[str, Sequence[Transition]],
    *,
    lent: Sequence[Lent] | None = None,
) -> Context:
    """Give the context of a step: with the roles lent for it, and the persons represented.

    `asked`: the workflow, and the transitions that could answer. `lent`: what is lent to them, if
    it was read before. Without a delegation that covers one of them it is the context as it was.
    """
    workflow, steps = asked
    if lent is None:
        lent = lent_to(site, session, context.actor.person_id, context.at)
    chosen = [each for each in lent if each.covers(workflow, steps)]
    if not chosen:
        return context
    # Who is represented may stand for somebody else in turn: that lends no role, but it counts.
    persons, waiting = set[int](), [each.principal_id for each in chosen]
    while waiting:
        person = waiting.pop()
        if person not in persons:
            persons.add(person)
            further = lent_to(site, session, person, context.at)
            waiting += [each.principal_id for each in further if each.covers(workflow, steps)]
    return _acting(site, context, chosen, persons)


def act_reading(site: Site, session: Session, context: Context) -> Context:
    """Give the context in which a delegate reads: with every role that is lent to them now."""
    return as_reader(site, context, lent_to(site, session, context.actor.person_id, context.at))


def as_reader(site: Site, context: Context, lent: Sequence[Lent]) -> Context:
    """Give the context in which a delegate reads, with what is lent to them."""
    return _acting(site, context, lent, {each.principal_id for each in lent}) if lent else context


def may_try(
    site: Site, context: Context, workflow: str, steps: Sequence[Transition]
) -> list[Transition]:
    """List the steps of a workflow that somebody may try: by their own roles, or by lent ones."""
    own = [step for step in steps if not context.actor.roles.isdisjoint(step.roles)]
    if len(own) == len(steps):
        return own
    with site.store.read() as session:
        lent = lent_to(site, session, context.actor.person_id, context.at)
    return [
        step for step in steps if step in own or any(each.covers(workflow, [step]) for each in lent)
    ]


def act_opening(site: Site, context: Context, right: str, workflow: str) -> Context:
    """Give the context of opening a record: as a delegate where the right is lent for it."""
    with site.store.read() as session:
        lent = lent_to(site, session, context.actor.person_id, context.at)
    chosen = [
        each
        for each in lent
        if each.covers_opening(workflow)
        and Actor("", permissions=permissions_of(site, sorted(each.roles))).may(right)
    ]
    if not chosen:
        return context
    return _acting(site, context, chosen, {each.principal_id for each in chosen})


def _acting(
    site: Site, context: Context, chosen: Sequence[Lent], persons: Iterable[int]
) -> Context:
    actor = context.actor
    lent = frozenset(role for each in chosen for role in each.roles)
    own = str(actor.person_id)
    acting = replace(
        actor,
        roles=actor.roles | lent,
        permissions=actor.permissions | permissions_of(site, sorted(lent)),
        stands_for=frozenset(str(person) for person in persons) - {own},
        acting_for=tuple(dict.fromkeys(each.login for each in chosen)),
        delegations=tuple(each.uid for each in chosen),
    )
    return replace(context, actor=acting)


def action_names(workflow: str, step: Transition) -> set[str]:
    """Give the names under which a delegation may allow a step."""
    return {workflow, f"{workflow}.{step.id}", *(f"{workflow}.{word}" for word in step.triggers)}


def unlendable(site: Site, session: Session, person_id: int) -> frozenset[str]:
    """Name the roles that nobody can lend to a person: they rest on a qualification they lack."""
    accounts = active_accounts(session, site.store.tenant_id, person_id)
    own = {role for account in accounts for role in account.roles}
    return frozenset(each.id for each in site.registry.list("roles") if each.qualified) - own


def active_accounts(session: Session, tenant_id: int, person_id: int) -> Sequence[UserAccount]:
    """List the accounts that a person can use now."""
    return session.exec(
        select(UserAccount)
        .where(
            UserAccount.tenant_id == tenant_id,
            UserAccount.person_id == person_id,
            UserAccount.state == "active",
        )
        .order_by(col(UserAccount.id))
    ).all()
