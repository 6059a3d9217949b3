"""Fields that a person does not see are left out of everything they are shown.

It must not know which screens there are; whoever reads a value for a person asks here.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.engines.access import COMPANY, Thing
from qtcore.errors import Denied, Fault, Refusal, Refused
from qtcore.services.site import Site
from qtcore.store.queries.ledger import LedgerRow
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import RecordRow, StateChangeRow

UNSEEN = "it was decided on values that your role does not see"
_Value = TypeVar("_Value")


def hidden_of(site: Site, context: Context, of: str, thing: Thing = COMPANY) -> frozenset[str]:
    """Name the fields that this person does not see of ``lot``, ``record:<kind>`` ..."""
    return site.registry.policy.hidden_fields(context.actor, of, thing)


def hidden_anywhere(site: Site, context: Context) -> frozenset[str]:
    """Name every field that is hidden from this person in some kind of thing.

    Where a value stands without its kind, in an entry of the history or a document of a partner,
    a field of that name is left out: rather too much than too little.
    """
    policy = site.registry.policy
    return frozenset().union(
        *(policy.hidden_fields(context.actor, of) for of in {veil.of for veil in policy.veils})
    )


def without(value: Any, hidden: frozenset[str]) -> Any:
    """Leave hidden names out of any JSON, at any depth; ``ex:price`` is called price."""
    if isinstance(value, Mapping):
        return {
            name: without(part, hidden)
            for name, part in value.items()
            if str(name).rpartition(":")[2] not in hidden
        }
    return [without(part, hidden) for part in value] if isinstance(value, list) else value


def veil_entry(entry: LedgerRow, hidden: frozenset[str]) -> LedgerRow:
    """Leave hidden fields out of an entry of the history as it is shown; its bytes stay."""
    if not hidden:
        return entry
    told = {
        **entry.head,
        "changes": [
            [name, without(old, hidden), without(new, hidden)]
            for name, old, new in entry.head.get("changes", [])
            if name not in hidden
        ],
        "details": without(entry.head.get("details", {}), hidden),
    }
    return entry._replace(head=told)


def unveiled(values: Mapping[str, _Value], hidden: frozenset[str]) -> dict[str, _Value]:
    """Leave out what is hidden."""
    return {name: value for name, value in values.items() if name not in hidden}


def veil_node(site: Site, context: Context, info: NodeInfo, thing: Thing = COMPANY) -> NodeInfo:
    """Leave out the extra fields of a lot, unit or case that this person does not see."""
    hidden = hidden_of(site, context, info.kind, thing)
    return info._replace(extra=unveiled(info.extra, hidden)) if hidden else info


def veil_row(site: Site, context: Context, row: RecordRow) -> RecordRow:
    """Leave out the fields of a record in a list that this person does not see."""
    thing = Thing(row.number, row.kind, row.state, frozenset(), row.opened_by)
    hidden = hidden_of(site, context, f"record:{row.kind}", thing)
    if not hidden:
        return row
    title = "" if "title" in hidden else row.title
    return row._replace(data=unveiled(row.data, hidden), title=title)


def veil_change(site: Site, context: Context, row: StateChangeRow) -> StateChangeRow:
    """Leave out of the verdicts of a step what this person does not see."""
    hidden = hidden_facts(site, context)
    if not hidden:
        return row
    return row._replace(verdicts=[dict(veil_rule(rule, hidden)) for rule in row.verdicts])


def hidden_facts(site: Site, context: Context, lot: Thing = COMPANY) -> frozenset[str]:
    """Name the facts that are read from fields this person does not see."""
    policy = site.registry.policy
    if not policy.veils:
        return frozenset()
    fields = {
        f"{of}.{name}"
        for of, thing in (("lot", lot), ("item", COMPANY))
        for name in policy.hidden_fields(context.actor, of, thing)
    }
    facts = site.registry.list("facts") if fields else ()
    return frozenset(fact.id for fact in facts if fact.from_.field in fields)


def veil_rule(rule: Mapping[str, Any], hidden: frozenset[str]) -> Mapping[str, Any]:
    """Leave out of a verdict in JSON the facts that are hidden, and the words that tell them."""
    read = {*rule.get("facts", ()), *rule.get("missing", ())}
    if read.isdisjoint(hidden):
        return rule
    facts = rule["facts"]
    seen = (
        unveiled(facts, hidden)
        if isinstance(facts, Mapping)
        else [name for name in facts if name not in hidden]
    )
    evidence = [each for each in rule.get("evidence", ()) if each["fact"] not in hidden]
    told: dict[str, object] = {
        "facts": seen,
        "because": UNSEEN,
        "clauses": [],
        "evidence": evidence,
        "explained": None,
        "deciding_facts": [],
    }
    return {**rule, **{name: value for name, value in told.items() if name in rule}}


def veil_refusals(
    refusals: Sequence[Mapping[str, Any]],
    rules: Sequence[Mapping[str, Any]],
    hidden: frozenset[str],
) -> list[dict[str, Any]]:
    """Leave the found values out of what rules over hidden facts say."""
    closed = {
        rule["rule"]
        for rule in rules
        if not hidden.isdisjoint({*rule.get("facts", ()), *rule.get("missing", ())})
    }
    return [
        {**each, "message": UNSEEN} if each["code"] in closed else dict(each) for each in refusals
    ]


def locked_faults(
    site: Site, context: Context, of: str, changed: Mapping[str, Any], *, thing: Thing = COMPANY
) -> list[Fault]:
    """Say which of the fields that were filled or changed this person may not fill or change."""
    policy = site.registry.policy
    locked = policy.locked_fields(context.actor, of, thing)
    return [
        Fault(
            "QT466",
            f"{name} is not yours to fill in; it is filled by {_editors(site, of, name)}",
            name,
        )
        for name in sorted(locked & changed.keys())
    ]


def seen_form(
    form: FormDefinition, hidden: frozenset[str], locked: frozenset[str] = frozenset()
) -> FormDefinition:
    """Give a form as somebody fills it: hidden fields are not there, locked ones are read only.

    Neither is asked of this person.
    """
    if not hidden and not locked:
        return form
    given: Mapping[str, Any] = form.schema_.get("properties") or {}
    properties = {
        name: {**part, "readOnly": True} if name in locked else part
        for name, part in given.items()
        if name not in hidden
    }
    required = [name for name in form.schema_.get("required") or () if name not in hidden | locked]
    layout = tuple(
        section.model_copy(update={"fields": tuple(n for n in section.fields if n not in hidden)})
        for section in form.layout
    )
    schema = {**form.schema_, "properties": properties, "required": required}
    return form.model_copy(update={"schema_": schema, "layout": layout})


def require_unveiled(site: Site, context: Context, what: str) -> None:
    """Refuse what is given out byte for byte to somebody from whom a field is hidden.

    A proof file holds the bytes that were hashed: nothing can be left out of it.
    """
    hidden = sorted(hidden_anywhere(site, context))
    if hidden:
        said = f"{what} may hold fields that your role does not see: {', '.join(hidden[:5])}"
        fix = "ask somebody whose role sees them"
        raise Denied(
            f"{context.actor.login} may not have this: {said}", [Refusal("QT409", said, fix=fix)]
        )


def require_sight(
    site: Site,
    context: Context,
    thing: Thing,
    signed: tuple[str, Collection[str], Sequence[Mapping[str, Any]]],
) -> None:
    """Refuse a signature over what the signer does not see; raises Refused (QT470).

    `signed` is what holds the fields (``lot``, ``record:<kind>``), the names of those that hold a
    value, and the verdicts of the step. Nothing can be left out of a signed text (21 CFR 11.70).
    """
    of, held, verdicts = signed
    fields = hidden_of(site, context, of, thing) & frozenset(held)
    read = {
        name for each in verdicts for name in (*each.get("facts", ()), *each.get("missing", ()))
    }
    facts = hidden_facts(site, context, thing if of == "lot" else COMPANY) & read
    if fields or facts:
        names = ", ".join(sorted(fields | facts)[:5])
        said = f"what would be signed in {thing.name} holds what your role does not see: {names}"
        fix = "somebody whose role sees it signs"
        raise Refused(said, [Refusal("QT470", said, fix=fix, source="21 CFR 11.70")])


def _editors(site: Site, of: str, name: str) -> str:
    roles = [
        set(veil.editable_by)
        for veil in site.registry.policy.veils
        if veil.of == of and name in veil.fields
    ]
    return ", ".join(sorted(set.intersection(*roles))) or "nobody"
