from decimal import Decimal

from qtcore.services.events import EventInput, Line
from qtcore.services.lots import list_lots
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.testing import a_context, a_received_lot

CASE = "106141412345678908"


def _packed(site: Site) -> None:
    lot = a_received_lot(site, lot_no="M-1")
    case = LotRef(lot_no=CASE, kind="logistic_unit")
    lines = (Line(LotRef(text=lot.uid), "child", Decimal(5), "kg"), Line(case, "parent"))
    told = EventInput("packing", lines, site.sources.now())
    record_event(site, a_context(site, ["operator"]), told)


def _listed(site: Site, **asked: object) -> list[tuple[str, str]]:
    page = list_lots(site, a_context(site), **asked)  # type: ignore[arg-type]
    return [(info.kind, info.lot_no) for info in page.lots]


def test_a_list_shows_everything_that_can_be_traced(site: Site) -> None:
    _packed(site)
    assert _listed(site) == [("lot", "M-1"), ("logistic_unit", CASE)]


def test_a_list_may_be_limited_to_lots(site: Site) -> None:
    _packed(site)
    assert _listed(site, kind="lot") == [("lot", "M-1")]


def test_a_filter_leaves_out_what_has_no_such_property(site: Site) -> None:
    _packed(site)
    assert _listed(site, item="MILK") == [("lot", "M-1")]
    assert _listed(site, lot_no=CASE) == [("logistic_unit", CASE)]
    assert _listed(site, kind="logistic_unit", source="SUP-1") == []


def test_pages_join_to_the_whole_list(site: Site) -> None:
    _packed(site)
    first = list_lots(site, a_context(site), limit=1)
    second = list_lots(site, a_context(site), limit=1, cursor=first.next or "")
    assert [i.lot_no for i in (*first.lots, *second.lots)] == ["M-1", CASE]
    assert second.next is None
