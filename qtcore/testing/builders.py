"""Few words for what tests need again and again: people, items, lots, releases.

It must not reach around the services: whatever is built here, a person could have done.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qtcore.context import Actor, Context
from qtcore.services.accounts import NewUser, actor_by_login, add_user, find_account
from qtcore.services.events import EventInput, Line
from qtcore.services.lots import get_lot
from qtcore.services.master import MasterInput, find_master, save_master
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.rights import permissions_of
from qtcore.services.site import Site
from qtcore.services.transitions import Made, Step, fire_transition
from qtcore.store.queries.nodes import NodeInfo, describe_nodes

PASSWORD = "correct horse battery"  # noqa: S105  # of test accounts that live for one test
SUPPLIER = "SUPPLIER-A"
PLANT = "PLANT"
EVERYTHING = ("operator", "warehouse", "qc_analyst", "qa", "qp", "recall_coord", "recall_head")


def a_context(site: Site, roles: Sequence[str] = ("qa",), *, login: str = "") -> Context:
    """Act now, as a person with these roles who has no account (so cannot sign)."""
    name = login or "-".join(roles)
    actor = Actor(
        login=name,
        name=name.capitalize(),
        roles=frozenset(roles),
        permissions=permissions_of(site, list(roles)),
    )
    return _now(site, actor)


def a_user(site: Site, roles: Sequence[str] = ("qa",), *, login: str = "") -> Context:
    """Make an account (password `PASSWORD`) once, and act now as its person."""
    name = login or "-".join(roles)
    with site.store.read() as session:
        known = find_account(session, site.store.tenant_id, name)
    if known is None:
        user = NewUser(name, name.capitalize(), tuple(roles), PASSWORD)
        add_user(site, site.system_context(), user)
    return _now(site, actor_by_login(site, name))


def an_item(site: Site, code: str = "MILK", **values: Any) -> str:
    """Make an item, by default a raw material in kg without industry; gives its code."""
    extra = values.pop("extra", {})
    entry = MasterInput(
        "item", code, values.pop("name", code), values={"unit": "kg", **values}, extra=extra
    )
    save_master(site, site.system_context(), entry)
    return code


def a_party(site: Site, code: str = SUPPLIER, *roles: str) -> str:
    """Make a party; gives its code."""
    entry = MasterInput("party", code, code, values={"roles": list(roles or ("supplier",))})
    save_master(site, site.system_context(), entry)
    return code


def line(lot: NodeInfo | str, part: str, quantity: str = "", unit: str = "kg") -> Line:
    """Write a line about something that exists; `quantity` is read as a decimal."""
    text = lot if isinstance(lot, str) else lot.uid
    amount = Decimal(quantity) if quantity else None
    return Line(LotRef(text=text), part, amount, unit if quantity else "")


def an_output(item: str, lot_no: str, quantity: str, *, source: str = PLANT, **more: Any) -> Line:
    """Write the line of a lot that the event brings into being."""
    unit = more.pop("unit", "kg")
    ref = LotRef(item=item, lot_no=lot_no, source=source, **more)
    return Line(ref, "output", Decimal(quantity), unit)


def a_received_lot(
    site: Site,
    item: str = "MILK",
    lot_no: str = "M-1",
    quantity: str = "100",
    *,
    source: str = SUPPLIER,
    **more: Any,
) -> NodeInfo:
    """Receive a lot with the base event; item and supplier are made when they are not known."""
    if not _exists(site, "item", item):
        an_item(site, item)
    if not _exists(site, "party", source):
        a_party(site, source)
    more.setdefault("expiry_on", _in_a_year(site))
    came = an_output(item, lot_no, quantity, source=source, **more)
    return _recorded(site, EventInput("receiving", (came,), site.sources.now(), from_party=source))


def a_made_lot(
    site: Site,
    item: str,
    lot_no: str,
    inputs: Sequence[tuple[NodeInfo | str, str]],
    *,
    quantity: str = "10",
    **more: Any,
) -> NodeInfo:
    """Make a lot from released inputs with the base event; `inputs` says how much of each."""
    if not _exists(site, "party", PLANT):
        a_party(site, PLANT, "site")
    if not _exists(site, "item", item):
        an_item(site, item, kind="finished")
    more.setdefault("expiry_on", _in_a_year(site))
    used = [line(lot, "input", amount) for lot, amount in inputs]
    made = an_output(item, lot_no, quantity, **more)
    return _recorded(site, EventInput("production", (*used, made), site.sources.now()))


def release(site: Site, lot: NodeInfo | str, *, roles: Sequence[str] = ("qp",)) -> Made:
    """Release a lot through the rules, signed; raises Refused with every reason."""
    name = lot if isinstance(lot, str) else lot.uid
    step = Step("release", password=PASSWORD)
    return fire_transition(site, a_user(site, roles), ("lot", name), step)


def text_of(site: Site, lot: NodeInfo | str, name: str) -> str:
    """Read one value of a lot as the API would show it."""
    view = get_lot(site, a_context(site), lot if isinstance(lot, str) else lot.uid)
    return str(view.as_json()[name])


def _recorded(site: Site, event: EventInput) -> NodeInfo:
    stored = record_event(site, a_context(site, EVERYTHING), event)
    with site.store.read() as session:
        described = describe_nodes(session, site.store.tenant_id, stored.made[-1:])
    return described[stored.made[-1]]


def _now(site: Site, actor: Actor) -> Context:
    return Context(actor=actor, at=site.sources.now(), request_id=site.sources.new_id())


def _exists(site: Site, entity: str, code: str) -> bool:
    with site.store.read() as session:
        return find_master(session, site.store.tenant_id, entity, code) is not None


def _in_a_year(site: Site) -> date:
    return site.sources.now().date() + timedelta(days=365)
