"""Profiles: what an industry asks of the events that partners send, beyond the standard.

It must not know events or how they are read.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from qtcore.definitions.definition import Definition, Model, Name, Text, normal_schema

Schema = Annotated[dict[str, Any], BeforeValidator(normal_schema)]


class Occasion(Model):
    """Which events a demand is about; what is left out fits every event.

    `biz_steps` are bare words of the core vocabulary or URIs, `event_types` and `actions` the
    standard's own.
    """

    event_types: tuple[Text, ...] = ()
    actions: tuple[Text, ...] = ()
    biz_steps: tuple[Text, ...] = ()


class Demand(Model):
    """One demand on events.

    `needs` lists paths that must all hold a value, `any_of` paths of which one must. A path is a
    list of names joined by ``/``, each without its prefix (``ilmd/lotNumber``); it looks into the
    entries of lists. `one_of` lists what the value of the first path may be. Text in i18n:
    ``profiles.<id>.<demand>``, said to whoever sent the event.
    """

    id: Name
    when: Occasion = Occasion()
    needs: tuple[Text, ...] = ()
    any_of: tuple[Text, ...] = ()
    one_of: tuple[Text, ...] = ()


class ProfileDefinition(Definition):
    """A profile of events.

    It is chosen by party (`parties`: codes, GLNs or URIs named in the event; ``*`` for everyone)
    or by item: by code (`items`, a trailing ``*`` for all that begin so), by the `industry` of the
    item, or by a declared field of it (`item_fields`: name and the values that choose). `uses`
    takes over the demands of other profiles. `schema` is a JSON Schema for the event as JSON.
    Title in i18n: ``profiles.<id>.title``.
    """

    parties: tuple[Text, ...] = ()
    items: tuple[Text, ...] = ()
    industry: Name | None = None
    item_fields: dict[Name, tuple[Text, ...]] = Field(default_factory=dict)
    uses: tuple[Text, ...] = ()
    demands: tuple[Demand, ...] = ()
    schema_: Schema | None = Field(default=None, alias="schema")
