"""Answers the standard's event queries over what was captured and what was recorded here.

It must not know HTTP. An index finds candidates; each is then judged by what it says.
"""

import base64
import binascii
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session

from qtcore.builtin.epcis.epc_patterns import read_pattern
from qtcore.builtin.epcis.query_matching import Told, field_value, fits
from qtcore.builtin.epcis.query_parameters import EventQuery, read_query
from qtcore.builtin.epcis.writing import EventOut, entry_of, write_query_result
from qtcore.builtin.faults import Faults
from qtcore.builtin.gs1 import canonical_identifier, party_code
from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, QueryTooLarge
from qtcore.services.epcis_export import read_events_out
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere
from qtcore.store.queries import epcis as stored
from qtcore.store.tables import Event

MOST_SORTED: Final = 5000
_BATCH: Final = 200
_COLUMNS: Final[Mapping[str, str]] = {
    "type": "kind",
    "action": "action",
    "bizStep": "biz_step",
    "disposition": "disposition",
    "bizLocation": "biz_location",
    "readPoint": "read_point",
    "transformationID": "transformation_id",
}
_RESOURCES: Final[Mapping[str, str]] = {
    "bizSteps": "biz_step",
    "bizLocations": "biz_location",
    "readPoints": "read_point",
    "dispositions": "disposition",
}


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of an answer: a query document, and the token of the next page when there is one."""

    document: Mapping[str, Any]
    next_page: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    after: stored.Place | None = None
    left: int | None = None
    skipped: int = 0


def check_query(parameters: Mapping[str, Sequence[Any]]) -> EventQuery:
    """Read the parameters of a query; raises InputRejected with every mistake."""
    faults = Faults()
    query = read_query(parameters, faults)
    if faults.count:
        found = [Fault(f.code, f.message, f.where) for f in faults.listed()]
        raise InputRejected("the query cannot be run as it stands", found, code=found[0].code)
    return query


def query_events(
    site: Site,
    context: Context,
    parameters: Mapping[str, Sequence[Any]],
    *,
    name: str = "SimpleEventQuery",
) -> EventPage:
    """Run a query; raises InputRejected for parameters, QueryTooLarge past `maxEventCount`.

    `parameters` are those of EPCIS 2.0, 8.2.7.1, each with all its values.
    """
    require(site, context, "trace.read", about=name, thing=COMPANY)
    query = check_query(parameters)
    digest = _digest(parameters)
    page = _read_page(query.page, digest) if query.page else _Page(left=query.limit)
    with site.store.read() as session:
        run = _Run(site, session, query, hidden_anywhere(site, context))
        if query.most is not None and not query.page:
            run.check_size(query.most)
        found, last = run.take(page)
        document = write_query_result(
            [out for _, out in found], context.at, name, recorded=_record_times(found)
        )
    return EventPage(document, _page_text(last, digest) if last is not None else "")


def _record_times(found: Sequence[tuple[Event, EventOut]]) -> list[datetime]:
    return [_aware(row.recorded_at) for row, _ in found]


def list_resources(
    site: Site, context: Context, name: str, *, after: str = "", limit: int = 30
) -> Sequence[str]:
    """List what occurs in captured events: epcs, bizSteps, bizLocations, readPoints, dispositions.

    Things and places are given in canonical notation.
    """
    require(site, context, "trace.read", about=name, thing=COMPANY)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        if name == "epcs":
            return stored.list_epcs(session, tenant, after=after, limit=limit)
        column = _RESOURCES[name]
        return stored.list_values(session, tenant, column, after=after, limit=limit)


@dataclass(slots=True)
class _Run:
    site: Site
    session: Session
    query: EventQuery
    hidden: frozenset[str]

    def check_size(self, most: int) -> None:
        """Refuse when more than `most` events fit."""
        for count, _ in enumerate(self._fitting(None), 1):
            if count > most:
                raise QueryTooLarge(
                    f"more than {most} events fit; narrow the query, raise maxEventCount, or "
                    "take the answer in pages"
                )

    def take(self, page: _Page) -> tuple[list[tuple[Event, EventOut]], _Page | None]:
        """Give the events of one page, and where the next one begins."""
        if self.query.order_by not in ("eventTime", "recordTime"):
            return self._take_sorted(page)
        want = self.query.per_page if page.left is None else min(self.query.per_page, page.left)
        found: list[tuple[Event, EventOut]] = []
        for each in self._fitting(page.after):
            if len(found) == want:
                left = None if page.left is None else page.left - want
                return found, None if left == 0 else _Page(self._place(found[-1][0]), left)
            found.append(each)
        return found, None

    def _take_sorted(self, page: _Page) -> tuple[list[tuple[Event, EventOut]], _Page | None]:
        found = []
        for row, out in self._fitting(None):
            told = self._told(row, out)
            found.append((_sort_key(field_value(told, self.query.order_by)), row, out))
            if len(found) > MOST_SORTED:
                raise QueryTooLarge(
                    f"more than {MOST_SORTED} events fit, too many to order by a field; narrow "
                    "the query or order by eventTime"
                )
        found.sort(key=lambda each: each[0], reverse=self.query.is_descending)
        found = found[: self.query.limit]
        end = page.skipped + self.query.per_page
        some = [(row, out) for _, row, out in found[page.skipped : end]]
        return some, _Page(skipped=end) if end < len(found) else None

    def _fitting(self, after: stored.Place | None) -> Iterator[tuple[Event, EventOut]]:
        search = self._search(after)
        streams = [self._candidates(search), self._candidates(replace(search, is_own=True))]
        order = heapq.merge(
            *streams, key=lambda each: self._place(each[0]), reverse=self.query.is_descending
        )
        for row, out in order:
            if fits(self._told(row, out), self.query.conditions):
                yield row, out

    def _candidates(self, search: stored.Search) -> Iterator[tuple[Event, EventOut]]:
        tenant = self.site.store.tenant_id
        while True:
            rows = stored.find_candidates(self.session, tenant, search, _BATCH)
            told = read_events_out(self.site, self.session, rows, self.hidden)
            yield from zip(rows, told, strict=True)
            if len(rows) < _BATCH:
                return
            search = replace(search, after=self._place(rows[-1]))

    def _search(self, after: stored.Place | None) -> stored.Search:
        columns: dict[str, tuple[str, ...]] = {}
        times = []
        named: frozenset[int] | None = None
        for condition in self.query.conditions:
            if condition.kind in ("type", "equal") and condition.name in _COLUMNS:
                values = tuple(_canonical(condition.name, v) for v in condition.values)
                column = _COLUMNS[condition.name]
                # Two conditions on one property both hold: what only one of them takes is out.
                kept = columns.get(column, values)
                columns[column] = tuple(v for v in values if v in kept)
            elif condition.kind == "time":
                times.append((condition.name, condition.sign, condition.values[0]))
            elif condition.kind == "match":
                found = self._named(condition.values)
                named = found if named is None else named & found
            elif condition.kind == "equal" and condition.name == "eventID":
                found = self._with_ids(condition.values)
                named = found if named is None else named & found
        return stored.Search(
            named,
            columns,
            tuple(times),
            self.query.order_by == "recordTime",
            self.query.is_descending,
            after,
        )

    def _named(self, values: Sequence[str]) -> frozenset[int]:
        patterns = [read_pattern(value) for value in values]
        exact = {name for pattern in patterns for name in pattern.exact}
        starts = {start for pattern in patterns for start in pattern.starts}
        tenant = self.site.store.tenant_id
        found = stored.events_naming(self.session, tenant, exact, starts)
        uids = [v.removeprefix("urn:uuid:") for v in values if v.startswith("urn:uuid:")]
        return found | stored.events_of_uids(self.session, tenant, uids)

    def _with_ids(self, ids: Sequence[str]) -> frozenset[int]:
        tenant = self.site.store.tenant_id
        return stored.events_with_ids(self.session, tenant, ids)

    def _told(self, row: Event, out: EventOut) -> Told:
        return Told(
            {"eventID": out.event_id, **entry_of(out)},
            out.context,
            _aware(row.event_at),
            _aware(row.recorded_at),
            self._is_within,
        )

    def _is_within(self, place: str, other: str) -> bool:
        codes = stored.places_inside(self.session, self.site.store.tenant_id, party_code(other))
        return party_code(place) in codes

    def _place(self, row: Event) -> stored.Place:
        at = row.recorded_at if self.query.order_by == "recordTime" else row.event_at
        return _aware(at), row.id


def _canonical(name: str, value: str) -> str:
    if name in ("bizLocation", "readPoint", "transformationID"):
        return canonical_identifier(value)[1]
    return value


def _sort_key(value: Any) -> tuple[int, Any]:
    """Order numbers before texts, and events without the field first."""
    if value is None:
        return (0, 0)
    return (2, value) if isinstance(value, str) else (1, value)


def _digest(parameters: Mapping[str, Sequence[Any]]) -> str:
    told = sorted((k, list(map(str, v))) for k, v in parameters.items() if k != "nextPageToken")
    told = [each for each in told if each[0] != "perPage"]
    return sha256(json.dumps(told).encode()).hexdigest()[:16]


def _page_text(page: _Page, digest: str) -> str:
    after = None if page.after is None else [page.after[0].isoformat(), page.after[1]]
    told = json.dumps([digest, after, page.left, page.skipped])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read_page(text: str, digest: str) -> _Page:
    try:
        data = base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", altchars=b"-_", validate=True)
        told, after, left, skipped = json.loads(data)
        place = None if after is None else (datetime.fromisoformat(after[0]), int(after[1]))
        page = _Page(place, None if left is None else int(left), int(skipped))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad_token("it is none of ours") from error
    if told != digest:
        raise _bad_token("it belongs to a query with other parameters")
    return page


def _bad_token(why: str) -> InputRejected:
    text = f"the nextPageToken cannot be used: {why}; begin again without it"
    return InputRejected(text, [Fault("QT761", text, "/nextPageToken")], code="QT761")


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
