"""The decision of access: deny by default, roles at sites, limits, scopes, veils; each in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.context import Actor
from qtcore.definitions.access import (
    RIGHTS,
    SITED,
    LimitDefinition,
    RoleDefinition,
    VeilDefinition,
)
from qtcore.engines.access import COMPANY, Policy, Thing

ROLES = {
    role: RoleDefinition(id=role, permissions=rights)
    for role, rights in {
        "operator": ("record.submit", "record.read", "lot.read", "event.record:cooling"),
        "qa": ("record.*", "lot.read", "ledger.read"),
        "boss": ("*",),
        "guest": (),
    }.items()
}


def an_actor(*roles: str, at: str = "", **more) -> Actor:
    company = frozenset() if at else frozenset(roles)
    sited = frozenset((at, role) for role in roles) if at else frozenset()
    held = {right for role in roles for right in ROLES[role].permissions}
    return Actor(login="ann", roles=company, site_roles=sited, permissions=frozenset(held), **more)


def at(*sites: str, **more) -> Thing:
    return Thing("D-1", "deviation", sites=frozenset(sites), **more)


def codes(decision) -> list[str]:
    return [refusal.code for refusal in decision.refusals]


@pytest.mark.parametrize(
    ("roles", "right", "is_allowed"),
    [
        (("operator",), "record.submit", True),
        (("operator",), "record.submit:deviation", True),
        (("operator",), "event.record:cooling", True),
        (("operator",), "event.record:receiving", False),
        (("operator",), "ledger.read", False),
        (("qa",), "record.transition:capa", True),
        (("boss",), "user.manage", True),
        (("guest",), "lot.read", False),
        ((), "lot.read", False),
    ],
)
def test_a_right_is_held_by_name_by_group_or_not_at_all(roles, right, is_allowed):
    assert Policy(ROLES).decide(an_actor(*roles), right).is_allowed is is_allowed


def test_a_role_at_one_site_counts_there_alone():
    policy, ann = Policy(ROLES), an_actor("qa", at="EAST")

    assert policy.decide(ann, "record.read", at("EAST")).is_allowed
    assert codes(policy.decide(ann, "record.read", at("WEST"))) == ["QT406"]
    assert codes(policy.decide(ann, "record.read", at())) == ["QT406"]
    assert codes(policy.decide(ann, "record.read", COMPANY)) == ["QT406"]
    assert policy.decide(ann, "record.read").is_allowed


def test_a_right_over_the_company_is_not_held_at_a_site():
    policy = Policy(ROLES)

    assert codes(policy.decide(an_actor("boss", at="EAST"), "ledger.read")) == ["QT406"]
    assert policy.decide(an_actor("boss"), "ledger.read").is_allowed


def test_a_refusal_says_what_is_held_where_and_whom_to_ask():
    refusal = Policy(ROLES).decide(an_actor("qa", at="EAST"), "record.read", at("WEST")).refusals[0]

    assert "EAST" in refusal.message
    assert "WEST" in refusal.message
    assert "qa" in refusal.fix


@pytest.mark.parametrize(
    ("limit", "thing", "code"),
    [
        ({"states": ("open",)}, {"state": "open"}, None),
        ({"states": ("open",)}, {"state": "closed"}, "QT402"),
        ({"only": ("own_records",)}, {"owner": "ann"}, None),
        ({"only": ("own_records",)}, {"owner": "bob"}, "QT402"),
        ({"only": ("own_records",)}, {"is_new": True}, None),
        ({"only": ("own_site",)}, {}, "QT402"),
        ({"rights": ("record.submit:capa",), "states": ("open",)}, {"state": "closed"}, None),
        ({"rights": ("record.*",), "states": ("open",)}, {"state": "closed"}, "QT402"),
        ({"roles": ("qa",), "states": ("open",)}, {"state": "closed"}, None),
    ],
)
def test_a_limit_narrows_one_role(limit, thing, code):
    given_limit = LimitDefinition(
        **{"id": "lim", "roles": ("operator",), "rights": ("record.submit",), **limit}
    )
    policy = Policy(ROLES, [given_limit])

    found = policy.decide(an_actor("operator"), "record.submit:deviation", at("EAST", **thing))

    assert codes(found) == ([code] if code else [])


def test_own_site_is_met_where_a_role_is_held():
    limit = LimitDefinition(id="x", roles=("qa",), rights=("*",), only=("own_site",))
    ann = an_actor("qa", at="EAST")

    assert Policy(ROLES, [limit]).decide(ann, "record.read", at("EAST")).is_allowed


def test_a_second_role_without_the_limit_frees_its_person():
    limit = LimitDefinition(id="x", roles=("operator",), rights=("record.*",), states=("open",))
    policy, thing = Policy(ROLES, [limit]), at("EAST", state="closed")

    assert not policy.decide(an_actor("operator"), "record.submit", thing).is_allowed
    assert policy.decide(an_actor("operator", "qa"), "record.submit", thing).is_allowed


def test_only_its_makers_make_a_thing():
    policy = Policy(ROLES, makers={"record:deviation": ("qa",)})

    assert codes(policy.decide(an_actor("operator"), "record.submit", at(is_new=True))) == ["QT402"]
    assert policy.decide(an_actor("qa"), "record.submit", at(is_new=True)).is_allowed
    assert policy.decide(an_actor("operator"), "record.submit", at()).is_allowed


def test_a_token_is_good_for_its_scope_and_its_site():
    policy = Policy(ROLES)
    scoped = an_actor("boss", scope=frozenset({"lot.*"}), bound_site="EAST")

    assert policy.decide(scoped, "lot.read", at("EAST")).is_allowed
    assert codes(policy.decide(scoped, "record.read", at("EAST"))) == ["QT407"]
    assert codes(policy.decide(scoped, "lot.read", at("WEST"))) == ["QT406"]
    assert not scoped.may("record.read")


@given(
    roles=st.sets(st.sampled_from(sorted(ROLES))),
    place=st.sampled_from(["", "EAST"]),
    right=st.sampled_from(RIGHTS),
    thing=st.sampled_from([None, COMPANY, at("EAST"), at("WEST"), at()]),
    scope=st.sampled_from([None, frozenset({"lot.read"}), frozenset[str]()]),
)
def test_nothing_is_allowed_that_no_role_carries_there(roles, place, right, thing, scope):
    actor = an_actor(*sorted(roles), at=place, scope=scope)
    policy = Policy(ROLES)
    if not policy.decide(actor, right, thing).is_allowed:
        return
    assert any(role in policy.holders(right) for role in roles)
    assert scope is None or right in scope
    assert not place or (right in SITED and (thing is None or "EAST" in thing.sites))


VEIL = VeilDefinition(
    id="prices",
    of="record:deviation",
    fields=("price",),
    visible_to=("qa", "boss"),
    editable_by=("boss",),
    states=("open",),
)


@pytest.mark.parametrize(
    ("role", "state", "is_hidden", "is_locked"),
    [
        ("operator", "open", True, True),
        ("qa", "open", False, True),
        ("boss", "open", False, False),
        ("operator", "closed", False, False),
        ("operator", "", True, True),
    ],
)
def test_a_veil_hides_and_locks_by_role_and_state(role, state, is_hidden, is_locked):
    policy, thing = Policy(ROLES, veils=[VEIL]), at("EAST", state=state)

    hidden = policy.hidden_fields(an_actor(role), "record:deviation", thing)
    locked = policy.locked_fields(an_actor(role), "record:deviation", thing)

    assert ("price" in hidden, "price" in locked) == (is_hidden, is_locked)


def test_a_role_at_another_site_does_not_lift_a_veil():
    policy = Policy(ROLES, veils=[VEIL])

    assert policy.hidden_fields(an_actor("qa", at="EAST"), "record:deviation", at("WEST"))
    assert not policy.hidden_fields(an_actor("qa", at="EAST"), "record:deviation", at("EAST"))
