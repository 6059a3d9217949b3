"""Recall plans: classes, deadlines per class, nodes to notify, effectiveness levels.

It must not know a running recall.
"""

from collections.abc import Mapping

from pydantic import Field

from qtcore.definitions.definition import (
    Count,
    Definition,
    Duration,
    Expression,
    Id,
    LegalSource,
    Model,
    Name,
    Text,
)


class RecallClass(Model):
    """A class of hazard; label in i18n under ``recalls.<plan>.classes.<class>``."""

    id: Id
    source: LegalSource | None = None


class RecallNode(Model):
    """Somebody who must be told or something that must be done, by a deadline per class.

    `due` maps a class id to an ISO 8601 duration counted from `start_event`; a class that is not
    listed needs no such step. With any `calendar` but ``calendar`` its days are the working days of
    that calendar. After each answer or missed deadline the step is due again a `repeat` later.
    `when` is a condition over the recall's form: what is not filled in yet does not rule a step
    out. Label: ``recalls.<plan>.nodes.<node>``.
    """

    id: Id
    order: Count = Field(ge=0)
    recipient: Name
    start_event: Name = "decided_at"
    when: Expression | None = None
    due: Mapping[Id, Duration]
    calendar: Name = "calendar"
    repeat: Mapping[Id, Duration] = Field(default_factory=dict)
    evidence: tuple[Name, ...] = ()
    source: LegalSource | None = None


class EffectivenessLevel(Model):
    """How many consignees are checked, in percent."""

    id: Id
    percent: Count = Field(ge=0, le=100)


class RecallDefinition(Definition):
    """A recall plan of a jurisdiction. Title in i18n under ``recalls.<id>``."""

    jurisdiction: Text
    industry: Name | None = None
    classes: tuple[RecallClass, ...] = Field(min_length=1)
    nodes: tuple[RecallNode, ...] = Field(min_length=1)
    effectiveness: tuple[EffectivenessLevel, ...] = ()
