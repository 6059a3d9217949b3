"""A pack's own description, and the set of kinds a pack folder may hold.

It must not know how packs are found or merged.
"""

from collections.abc import Mapping
from typing import Literal

from qtcore.definitions.access import (
    LimitDefinition,
    RoleDefinition,
    UnitDefinition,
    VeilDefinition,
)
from qtcore.definitions.calendars import CalendarDefinition
from qtcore.definitions.definition import Definition, Id, Model, Name, Text
from qtcore.definitions.documents import DocumentDefinition
from qtcore.definitions.events import EventDefinition
from qtcore.definitions.exports import ExportDefinition
from qtcore.definitions.fields import FieldSet
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.policies import PolicyDefinition
from qtcore.definitions.profiles import ProfileDefinition
from qtcore.definitions.recalls import RecallDefinition
from qtcore.definitions.rules import FactDefinition, RuleDefinition
from qtcore.definitions.specs import SpecDefinition
from qtcore.definitions.workflows import RecordDefinition, WorkflowDefinition


class PackDefinition(Model):
    """The head of a pack folder: ``pack.yaml``.

    `requires_qtcore` is a range such as ``>=0.1,<1``; outside of it the pack is not loaded and
    named. `layer` orders the merge: base, industry, site. `after` names packs this one needs. A
    site may choose its industry packs with `packs`; without it every installed pack takes part.
    """

    pack: Name
    version: Text
    requires_qtcore: Text
    layer: Literal["base", "industry", "site"] = "industry"
    languages: tuple[Text, ...] = ("en", "zh-CN")
    title: Mapping[Text, Text]
    description: Mapping[Text, Text] = {}
    legal_basis: tuple[Text, ...] = ()
    after: tuple[Id, ...] = ()
    packs: tuple[Name, ...] | None = None


KINDS: Mapping[str, type[Definition]] = {
    "fields": FieldSet,
    "forms": FormDefinition,
    "records": RecordDefinition,
    "events": EventDefinition,
    "workflows": WorkflowDefinition,
    "facts": FactDefinition,
    "rules": RuleDefinition,
    "specs": SpecDefinition,
    "recalls": RecallDefinition,
    "profiles": ProfileDefinition,
    "documents": DocumentDefinition,
    "exports": ExportDefinition,
    "roles": RoleDefinition,
    "limits": LimitDefinition,
    "veils": VeilDefinition,
    "units": UnitDefinition,
    "calendars": CalendarDefinition,
    "policies": PolicyDefinition,
}
"""The top-level keys of a definition file, each a list of that kind; texts are a file of their own.

An i18n file ``i18n/<language>.yaml`` holds ``language:`` and ``texts:`` (nested mapping, joined
with dots into keys).
"""
