"""Queries kept under a name, so that partners run them without knowing the parameters.

It must not know how a query is run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlmodel import col, select

from qtcore.builtin.epcis.strict_json import write_json
from qtcore.context import Context
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.services.epcis_queries import check_query
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.store.tables import EpcisQuery

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A kept query: `told` as it was given, `parameters` each with all its values."""

    name: str
    told: Mapping[str, Any]
    created_at: datetime

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """Give the parameters as a query takes them."""
        return {k: list(v) if isinstance(v, list) else [v] for k, v in self.told.items()}


def make_query(site: Site, context: Context, told: Any) -> NamedQuery:
    """Keep a query: an object with `name` and `query`.

    Raises InputRejected with every mistake, Conflict when the name is taken.
    """
    require(site, context, "export.run", about="query")
    name, query = _checked(told)
    with site.store.write(context) as work:
        if _find(work.session, work.tenant_id, name) is not None:
            raise Conflict(f"there is a query {name!r} already; delete it, or choose another name")
        row = EpcisQuery(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            name=name,
            parameters=query,
            created_at=context.at,
            created_by=context.actor.login,
        )
        work.add(row)
        work.log("epcis.query.make", "epcis_query", row.uid, details={"name": name, "query": query})
    return _read(row)


def list_queries(
    site: Site, context: Context, *, after: str = "", limit: int = 30
) -> Sequence[NamedQuery]:
    """List kept queries by name."""
    require(site, context, "trace.read", thing=COMPANY)
    statement = select(EpcisQuery).where(
        EpcisQuery.tenant_id == site.store.tenant_id, EpcisQuery.name > after
    )
    with site.store.read() as session:
        rows = session.exec(statement.order_by(col(EpcisQuery.name)).limit(limit)).all()
    return [_read(row) for row in rows]


def get_query(site: Site, context: Context, name: str) -> NamedQuery:
    """Get a kept query; raises NotFound."""
    require(site, context, "trace.read", about=name, thing=COMPANY)
    with site.store.read() as session:
        row = _find(session, site.store.tenant_id, name)
    if row is None:
        raise NotFound(f"there is no query {name!r}; GET /epcis/queries lists them")
    return _read(row)


def remove_query(site: Site, context: Context, name: str) -> None:
    """Remove a kept query; raises NotFound."""
    require(site, context, "export.run", about=name)
    with site.store.write(context) as work:
        row = _find(work.session, work.tenant_id, name)
        if row is None:
            raise NotFound(f"there is no query {name!r}; GET /epcis/queries lists them")
        work.session.delete(row)
        work.log("epcis.query.remove", "epcis_query", row.uid, details={"name": name})


def _checked(told: Any) -> tuple[str, dict[str, Any]]:
    faults = []
    name = told.get("name") if isinstance(told, dict) else None
    query = told.get("query") if isinstance(told, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = f"name {str(name)[:40]!r}: give 1 to 200 letters, digits and ._~-"
        faults.append(Fault("QT761", text, "/name"))
    if not isinstance(query, dict):
        faults.append(Fault("QT761", "query is missing; give an object of parameters", "/query"))
    if isinstance(told, dict):
        for other in told.keys() - {"name", "query"}:
            text = f"{str(other)[:40]!r} is not known; accepted: name, query"
            faults.append(Fault("QT760", text, f"/{other}"))
    if faults:
        raise InputRejected("the query cannot be kept as it stands", faults, code="QT761")
    plain = _plain(query)
    check_query({k: list(v) if isinstance(v, list) else [v] for k, v in plain.items()})
    return str(name), plain


def _plain(query: Any) -> dict[str, Any]:
    """Write numbers as texts: a kept query reads like one in an address."""
    return {
        name: [_text(each) for each in value] if isinstance(value, list) else _text(value)
        for name, value in query.items()
    }


def _text(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else write_json(value)


def _find(session: Any, tenant_id: int, name: str) -> EpcisQuery | None:
    found: EpcisQuery | None = session.exec(
        select(EpcisQuery).where(EpcisQuery.tenant_id == tenant_id, EpcisQuery.name == name)
    ).first()
    return found


def _read(row: EpcisQuery) -> NamedQuery:
    at = row.created_at if row.created_at.tzinfo else row.created_at.replace(tzinfo=UTC)
    return NamedQuery(row.name, row.parameters, at)
