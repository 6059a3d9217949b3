"""Event types of packs: a name and a form for one of the core verbs.

It must not know genealogy rules; the verb decides what an event does to lots.
"""

from typing import Literal

from qtcore.definitions.definition import Definition, Id, Name, Text

Verb = Literal[
    "receive",
    "transform",
    "pack",
    "unpack",
    "move",
    "ship",
    "return",
    "sample",
    "scrap",
    "adjust",
    "observe",
]
BRINGS_LOTS: tuple[Verb, ...] = ("receive", "transform")
"""The verbs that bring lots into being."""


class EventDefinition(Definition):
    """A kind of trace event built on a core verb.

    `form` names the form of its extra values (stored with the event); `roles` who may record it
    (empty: whoever holds ``event.record``); `biz_step` is the CBV 2.0 business step it maps to.
    `lot_fields` names the extra fields of lots that the page asks for each lot the event brings
    into being, in their order; only for the verbs receive and transform. The API and imports take
    every extra field of a lot, named here or not. Title in i18n under ``events.<id>``.
    """

    verb: Verb
    form: Id | None = None
    roles: tuple[Id, ...] = ()
    biz_step: Text | None = None
    lot_fields: tuple[Name, ...] = ()
