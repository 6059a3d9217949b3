"""Signing policies: what a person must have shown and accepted before their signature counts.

It must not know persons, accounts or how a factor is checked.
"""

from typing import Annotated, Literal

from pydantic import Field

from qtcore.definitions.definition import Count, Definition, Flag, Text

Profile = Literal["strict", "session", "simple"]


class PolicyDefinition(Definition):
    """What signatures of some profiles ask of the signer, beside the components of the profile.

    It applies to the signatures whose profile is listed in `profiles`. With `accept` the signer
    has signed this `version` of the policy; its text is in i18n under ``policies.<id>.text``.
    With `identified` an administrator has verified who the person is (21 CFR 11.100(b)); with
    `second_factor` a passkey, or a time-based code beside the password, is asked for whenever all
    components are. `session_minutes` is how long a continuous period of signing lasts without a
    signature (21 CFR 11.200(a)(1)(i)); the shortest of all that apply counts, 15 when none says.
    With `two_administrators` whoever handed out a password or linked an account does not verify the
    identity as well: another one does, afterwards (21 CFR 11.200(a)(3)). A password older than
    `password_days` signs nothing until it is changed (21 CFR 11.300(b)); without it passwords do
    not age. With `assigned_training` a training that was assigned and is overdue signs nothing.
    """

    version: Text
    profiles: Annotated[tuple[Profile, ...], Field(min_length=1)] = ("strict", "session")
    accept: Flag = False
    identified: Flag = False
    second_factor: Flag = False
    two_administrators: Flag = False
    assigned_training: Flag = False
    password_days: Annotated[Count, Field(ge=1, le=3660)] | None = None
    session_minutes: Annotated[Count, Field(ge=1, le=60)] = 15
