"""Reading what a form was filled with: typed, checked, in the words of the reader's language.

It must not know records or events.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.engines.forms import Read, read_values, to_json_values
from qtcore.errors import Fault
from qtcore.services.evaluation import evaluator
from qtcore.services.site import Site


def form_texts(site: Site, form_id: str, language: str) -> Callable[[str], str]:
    """Give the function that finds a form's own texts: ``fields.<name>``, ``sections.<id>`` ...

    A text that is not there is empty.
    """
    return lambda key: site.registry.find_text(f"forms.{form_id}.{key}", language)


def read_form(
    site: Site,
    context: Context,
    form: FormDefinition,
    submitted: Mapping[str, Any],
    *,
    current: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Read submitted values; gives JSON values (decimals as strings) and every fault.

    `current` are the stored values when a record is corrected.
    """
    read: Read = read_values(
        form.schema_,
        submitted,
        context.language,
        layout=form.layout,
        texts=form_texts(site, form.id, context.language),
        evaluate=evaluator(site.registry, f"forms:{form.id}"),
        current=dict(current or {}),
    )
    return to_json_values(read.values), tuple(read.faults)


def field_texts(site: Site, entity: str, language: str) -> Callable[[str], str]:
    """Give the function that finds the texts of extra fields: ``fields.<name>``, ``choices. ...``.

    They stand under ``fields.<entity>`` without a further step. A text that is not there is empty.
    """
    return lambda key: site.registry.find_text(
        f"fields.{entity}.{key.removeprefix('fields.')}", language
    )


def read_fields(
    site: Site, context: Context, entity: str, extra: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Read extra fields of an entity by what the packs declare; gives JSON values and faults.

    A field that no pack declares is a fault; one that is missing is not: rules ask for it.
    """
    if not extra:
        return {}, ()
    schema = {"type": "object", "properties": dict(site.registry.fields_of(entity))}
    read: Read = read_values(
        schema,
        extra,
        context.language,
        texts=field_texts(site, entity, context.language),
        evaluate=evaluator(site.registry, f"fields:{entity}"),
    )
    faults = (replace(fault, where=f"extra/{fault.where}") for fault in read.faults)
    return to_json_values(read.values), tuple(f for f in faults if f.code != "QT481")
