"""What requests about signatures may send.

It must not know what is done with it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StringConstraints

from qtcore.http.api.inputs import Code, Moment, Short
from qtcore.http.json_body import Input


class ActBody(Input):
    """One step that is to be signed: of a lot by any identifier, or of a record by id or number."""

    kind: Literal["lot", "record"]
    id: Code
    transition: Short
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""
    values: dict[str, Any] = Field(default_factory=dict)
    expected_version: StrictInt | None = Field(default=None, ge=1, le=10**9)


class ActsBody(Input):
    """What is signed with one gesture: one record, or several."""

    acts: tuple[ActBody, ...] = Field(min_length=1, max_length=200)


class PasswordBody(Input):
    """The proof of who signs without a passkey: password, with login and code as asked for."""

    login: Annotated[str, StringConstraints(max_length=120)] = ""
    password: Annotated[str, StringConstraints(max_length=400)] = ""
    code: Annotated[str, StringConstraints(max_length=12)] = ""


class BroughtBody(Input):
    """What a program brought from an identity provider: a token with the nonce of the intent."""

    provider: Short
    id_token: Annotated[str, StringConstraints(max_length=16_384)]


class ProofBody(PasswordBody):
    """The proof of who signs: a password with what belongs to it, a passkey's answer, a token."""

    passkey: dict[str, Any] | None = None
    provider: BroughtBody | None = None


class SignatureQuery(Input):
    """Whose signatures: the public id of a record or lot; without it the newest of all."""

    about: Annotated[str, StringConstraints(max_length=36)] = ""
    limit: int = Field(default=200, ge=1, le=200)


class JustifyBody(PasswordBody):
    """The rules that are justified, why, and the proof of who signs."""

    rules: tuple[Short, ...] = Field(min_length=1, max_length=50)
    justification: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class DelegationBody(Input):
    """Who (`principal`) lets whom (`delegate`) act for them; logins, a period, a scope, a reason.

    `roles` are those lent, `actions` workflows or steps such as ``deviation.approve``; empty: all.
    """

    principal: Short
    delegate: Short
    valid_from: Moment | None = None
    valid_to: Moment
    roles: tuple[Short, ...] = Field(default=(), max_length=50)
    actions: tuple[Short, ...] = Field(default=(), max_length=200)
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class SignedDelegationBody(DelegationBody, PasswordBody):
    """A delegation, and the proof of who makes it."""
