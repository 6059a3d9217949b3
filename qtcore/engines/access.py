"""May this person do that to this thing, and which of its fields do they see? Denied by default.

It must not know the database or where a thing stands: it is told. One function decides for the API,
the pages and the command line, and says in words why not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from qtcore.context import Actor, covers, covers_some
from qtcore.definitions.access import SITED, LimitDefinition, RoleDefinition, VeilDefinition
from qtcore.errors import Refusal


@dataclass(frozen=True, slots=True)
class Thing:
    """What an act is about.

    `kind` narrows rights and veils: a record's kind, an event's type. `sites` are the codes of the
    sites it stands at, empty when it stands at none of ours. `owner` is the login of who opened it;
    `is_new`: nobody has opened it yet.
    """

    name: str = ""
    kind: str = ""
    state: str = ""
    sites: frozenset[str] = frozenset()
    owner: str = ""
    is_new: bool = False


COMPANY: Final = Thing("the whole company")
"""What concerns every site at once: a role that is held at one site does not reach it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`roles` are those that allow it; without any, `refusals` say what is missing."""

    roles: frozenset[str] = frozenset()
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Say whether it may be done."""
        return not self.refusals


@dataclass(frozen=True, slots=True)
class Policy:
    """What the definitions say of access.

    `makers` are the roles that may make a thing at all, by ``record:<kind>`` or ``event:<type>``;
    a kind that is not there is made by whoever holds the right.
    """

    roles: Mapping[str, RoleDefinition]
    limits: Sequence[LimitDefinition] = ()
    veils: Sequence[VeilDefinition] = ()
    makers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def holders(self, right: str) -> list[str]:
        """List the roles that carry a right."""
        return sorted(role for role in self.roles if self._carries(role, right))

    def decide(self, actor: Actor, right: str, thing: Thing | None = None) -> Decision:
        """Decide about one act; without a thing, whether the right is held anywhere at all."""
        if actor.is_system:
            return Decision()
        # Of one thing a right over its kind suffices; without a thing, one over any kind of them.
        asked, holds = _of_kind(right, thing), covers if thing is not None else covers_some
        if actor.scope is not None and not holds(actor.scope, asked):
            return Decision(refusals=(self._out_of_scope(actor, right),))
        held = [
            role
            for role in sorted(actor.all_roles)
            if role in self.roles and holds(self.roles[role].permissions, asked)
        ]
        if not held and not holds(actor.permissions, asked):
            return Decision(refusals=(self._missing(right),))
        if thing is None:
            here = [role for role in held if self._counts_somewhere(actor, role, right)]
            is_outside = bool(actor.bound_site) and base_right(right) not in SITED
            if (here or not held) and not is_outside:
                return Decision(frozenset(here))
            return Decision(refusals=(self._elsewhere(actor, right, COMPANY),))
        return self._decide_about(actor, right, thing, held)

    def _decide_about(self, actor: Actor, right: str, thing: Thing, held: list[str]) -> Decision:
        here = [role for role in held if self._counts_at(actor, role, right, thing)]
        outside = actor.bound_site and actor.bound_site not in thing.sites
        if outside or (held and not here):
            return Decision(refusals=(self._elsewhere(actor, right, thing),))
        makers = self.makers.get(f"{_MAKES.get(base_right(right), '')}:{thing.kind}", ())
        if thing.is_new and makers and set(makers).isdisjoint(here):
            return Decision(refusals=(_not_a_maker(thing, makers),))
        objections: list[Refusal] = []
        for role in here:
            found = list(self._objections(actor, role, right, thing))
            if not found:
                return Decision(frozenset(here))
            objections += found
        return Decision(frozenset(here), tuple(dict.fromkeys(objections)))

    def is_open(self, actor: Actor, right: str) -> bool:
        """Say whether a right is held for everything: by some role, everywhere, without limits."""
        return actor.is_system or (
            not actor.bound_site
            and actor.reaches(right)
            and any(
                self._carries(role, right) and not any(role in limit.roles for limit in self.limits)
                for role in actor.roles
            )
        )

    def asks_sites(self, actor: Actor) -> bool:
        """Say whether it can matter to what a person may do at which sites a thing stands."""
        return not actor.is_system and (
            bool(actor.bound_site or actor.site_roles)
            or any(
                "own_site" in limit.only and not actor.roles.isdisjoint(limit.roles)
                for limit in self.limits
            )
        )

    def roles_at(self, actor: Actor, thing: Thing) -> frozenset[str]:
        """Give the roles of a person that count for a thing."""
        own = (role for site, role in actor.site_roles if site in thing.sites)
        return actor.roles | frozenset(own)

    def hidden_fields(self, actor: Actor, of: str, thing: Thing = COMPANY) -> frozenset[str]:
        """Name the fields of a thing that this person does not see."""
        roles = self.roles_at(actor, thing)
        return frozenset(
            field
            for veil in self._veils(actor, of, thing)
            if roles.isdisjoint(veil.visible_to)
            for field in veil.fields
        )

    def locked_fields(self, actor: Actor, of: str, thing: Thing = COMPANY) -> frozenset[str]:
        """Name the fields of a thing that this person may not fill or change."""
        roles = self.roles_at(actor, thing)
        return frozenset(
            field
            for veil in self._veils(actor, of, thing)
            if roles.isdisjoint(veil.editable_by)
            for field in veil.fields
        )

    def _veils(self, actor: Actor, of: str, thing: Thing) -> Iterable[VeilDefinition]:
        if actor.is_system:
            return ()
        return (
            veil
            for veil in self.veils
            if veil.of == of and (not veil.states or not thing.state or thing.state in veil.states)
        )

    def _carries(self, role: str, right: str) -> bool:
        definition = self.roles.get(role)
        return definition is not None and covers(definition.permissions, right)

    def _counts_somewhere(self, actor: Actor, role: str, right: str) -> bool:
        return role in actor.roles or base_right(right) in SITED

    def _counts_at(self, actor: Actor, role: str, right: str, thing: Thing) -> bool:
        if role in actor.roles:
            return True
        sites = {site for site, held in actor.site_roles if held == role}
        return base_right(right) in SITED and not sites.isdisjoint(thing.sites)

    def _objections(self, actor: Actor, role: str, right: str, thing: Thing) -> Iterable[Refusal]:
        for limit in self.limits:
            if role not in limit.roles or not is_limited(right, limit.rights, thing.kind):
                continue
            if limit.states and thing.state and thing.state not in limit.states:
                states = ", ".join(limit.states)
                said = f"as {role} you may do this only while it is {states}; it is {thing.state}"
                yield _limit(limit, said, "ask somebody whose role is not limited to these states")
            if "own_records" in limit.only and not thing.is_new and thing.owner != actor.login:
                said = f"as {role} you may do this only to records you opened yourself"
                yield _limit(limit, said, f"ask {thing.owner or 'who opened it'} or a reviewer")
            if "own_site" in limit.only and actor.own_sites.isdisjoint(thing.sites):
                own = ", ".join(sorted(actor.own_sites)) or "none"
                said = f"as {role} you may do this only at your own sites ({own})"
                yield _limit(limit, said, f"ask somebody of {_places(thing)}")

    def _missing(self, right: str) -> Refusal:
        holders = ", ".join(self.holders(right)) or "none has it"
        fix = f"ask somebody with one of these roles: {holders}"
        return Refusal("QT403", f"the right {right!r} is missing", fix=fix)

    def _elsewhere(self, actor: Actor, right: str, thing: Thing) -> Refusal:
        own = ", ".join(sorted(actor.own_sites)) or "no site"
        said = f"you hold the right {right!r} at {own}; this concerns {_places(thing)}"
        holders = ", ".join(self.holders(right)) or "a role that carries it"
        return Refusal("QT406", said, fix=f"ask somebody of {_places(thing)} with {holders}")

    def _out_of_scope(self, actor: Actor, right: str) -> Refusal:
        scope = ", ".join(sorted(actor.scope or ())) or "nothing"
        said = f"this token is good for {scope} only, and this needs {right!r}"
        return Refusal("QT407", said, fix="make a token whose scope holds this right")


_MAKES: Final[Mapping[str, str]] = {"record.submit": "record", "event.record": "event"}


def base_right(right: str) -> str:
    """Give a right without the kind that narrows it."""
    return right.partition(":")[0]


def _of_kind(right: str, thing: Thing | None) -> str:
    """Give a right as it is asked of a thing: over its kind, where the thing is of one."""
    is_narrowed = ":" in right or thing is None or not thing.kind
    return right if is_narrowed or thing is None else f"{right}:{thing.kind}"


def is_limited(right: str, limited: Collection[str], kind: str) -> bool:
    """Say whether a limit concerns a right; ``record.read:deviation`` only for that kind."""
    base = base_right(right)
    return covers(limited, right) or f"{base}:{kind}" in limited


def _limit(limit: LimitDefinition, said: str, fix: str) -> Refusal:
    source = limit.source.law if limit.source else ""
    return Refusal("QT402", f"{said} (limit {limit.id})", fix=fix, source=source)


def _not_a_maker(thing: Thing, makers: Sequence[str]) -> Refusal:
    said = f"a {thing.kind} is made by {', '.join(makers)} only"
    return Refusal("QT402", said, fix=f"ask somebody with one of these roles: {', '.join(makers)}")


def _places(thing: Thing) -> str:
    return ", ".join(sorted(thing.sites)) or thing.name or "no site of yours"
