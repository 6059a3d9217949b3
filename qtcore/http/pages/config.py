"""The packs page, the report of a check, and the offline page of the API.

It must not know how packs are loaded.
"""

from collections import Counter
from typing import Any

from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import show_problems
from qtcore.http.api.routes import OPERATIONS, build_openapi
from qtcore.http.call import Call
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.disk_watch import check_disk
from qtcore.services.rights import require


@page("GET", "/config/packs")
def packs(call: Call) -> Seen:
    """Show what each pack adds, and why a broken one is switched off."""
    require(call.site, call.act(), "pack.read")
    registry = call.site.registry
    counts: dict[str, Counter[str]] = {}
    for kind in KINDS:
        for definition in registry.list(kind):
            counts.setdefault(registry.owner_of(kind, definition.id), Counter())[kind] += 1
    cards = [{"pack": pack, "adds": counts.get(pack.name, Counter())} for pack in registry.packs]
    return Page("packs.html", {"cards": cards, "fingerprint": registry.fingerprint})


@page("GET", "/config/check")
def check(call: Call) -> Seen:
    """Show the report of a check: of the files on disk, as `qtcore check` prints it."""
    require(call.site, call.act(), "definition.read")
    report = call.settings.disk.report if call.settings.disk else check_disk(call.site)
    shown = show_problems(report.problems, report.sources)
    return Page("check.html", {"report": report, "shown": shown, "is_dev": call.settings.dev})


@page("GET", "/api/docs")
def api_docs(call: Call) -> Seen:
    """List the operations of the API from its own document; nothing is loaded from elsewhere."""
    document = build_openapi(OPERATIONS)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, told in operations.items():
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = body.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
            fields = document["components"]["schemas"].get(name, {}).get("properties", {})
            needed = document["components"]["schemas"].get(name, {}).get("required", [])
            groups.setdefault(told["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": told["summary"],
                    "query": [p["name"] for p in told["parameters"] if p["in"] == "query"],
                    "fields": [(field, field in needed) for field in fields],
                    "status": next(iter(told["responses"])),
                }
            )
    return Page("api_docs.html", {"groups": groups})


ROUTES = (packs, check, api_docs)
