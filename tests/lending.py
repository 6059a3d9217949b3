"""Two people of a plant and what one lends the other, for tests of delegations."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput, list_delegations
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.users import UserChange, change_user
from qtcore.testing import PASSWORD, FrozenClock, a_user

PROVEN = Proof(PASSWORD)
CLOCK = FrozenClock()
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class People:
    """Who is represented, who acts for her, somebody with the same role, who manages users."""

    site: Site
    number: int

    def login(self, name: str) -> str:
        return f"{name}{self.number}"

    def act(self, name: str) -> Context:
        role = {"anna": "qa", "carl": "qa", "boss": "admin"}.get(name, "operator")
        return a_user(self.site, [role], login=self.login(name))

    def lending(self, principal: str = "anna", delegate: str = "ben", **more: Any) -> Any:
        told = {"valid_to": CLOCK.at + timedelta(days=7), "reason": "on leave", **more}
        return DelegationInput(self.login(principal), self.login(delegate), **told)

    def lend(self, principal: str = "anna", delegate: str = "ben", **more: Any) -> dict[str, Any]:
        wanted = self.lending(principal, delegate, **more)
        return make_delegation(self.site, self.act(principal), wanted, PROVEN)

    def faults(self, maker: str, wanted: DelegationInput) -> str:
        with pytest.raises(InputRejected) as error:
            make_delegation(self.site, self.act(maker), wanted, PROVEN)
        assert {each.code for each in error.value.faults} == {"QT464"}
        return str(error.value.faults)

    def roles(self, name: str, *roles: str) -> None:
        change = UserChange(list(roles), reason="moved")
        change_user(self.site, self.site.system_context(), self.login(name), change)


def some_people(site: Site) -> People:
    """People whom no other test uses."""
    found = People(site, next(NUMBERS))
    for name in ("anna", "ben", "carl", "dora", "boss"):
        found.act(name)
    return found


def stored(people: People) -> list[str]:
    found = list_delegations(people.site, people.site.system_context(), login=people.login("anna"))
    return [each["delegation_id"] for each in found]
