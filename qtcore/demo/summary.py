"""What the demo holds, counted and judged by the services that answer users.

It must not build anything.
"""

from typing import Any

from qtcore.demo.story import Held, Story
from qtcore.services.audit import verify_history
from qtcore.services.counts import count_site
from qtcore.services.recall import StartedRecall
from qtcore.services.release import explain_release

RELEASED = ("TAB-IBU-200", "IB26001", "LQ-P")
_LOGINS = ("qa", "qp", "operator", "auditor")


def summarise(story: Story, blocked: Held, mock: StartedRecall, address: str) -> dict[str, Any]:
    """Say what was built, how to sign in and what to try first."""
    context = story.site.system_context()
    released = story.lots[RELEASED]
    counts = count_site(story.site, context)
    view = explain_release(story.site, context, blocked.uid)
    history = verify_history(story.site, context)
    return {
        "address": address,
        "sign_in": {
            "login": _LOGINS[0],
            "password": story.password,
            "logins": {login: story.context(login).actor.name for login in _LOGINS},
            "others": "every person of the demo has the same password; see qtcore/demo/data",
        },
        "counts": {
            "lots": counts.lots,
            "depth": max(node.depth for node in mock.scope.trace.nodes),
            "events": counts.events,
            "edges": counts.edges,
            "deviations_open": counts.deviations_open,
            "deviations_closed": counts.deviations_closed,
            "released": counts.lot_states.get("released", 0),
            "rejected": counts.lot_states.get("rejected", 0),
        },
        "blocked_lot": {
            "lot_no": blocked.lot_no,
            "lot_id": blocked.uid,
            "reasons": [f"{r.code} {r.message}" for r in view.refusals],
        },
        "released_lot": {"lot_no": released.lot_no, "lot_id": released.uid},
        "mock_recall": {
            "number": mock.number,
            "record_id": mock.record_id,
            "seconds": str(mock.seconds),
            "lots": sum(1 for n in mock.scope.trace.nodes if n.info.kind == "lot"),
            "customers": len({s.customer for s in mock.scope.shipments}),
        },
        "ledger": {
            "events": history.verdict.events,
            "sealed": history.verdict.signed_size,
            "verified": history.verdict.ok,
        },
        "try": [
            f"See why lot {blocked.lot_no} may not go out: {address}/l/{blocked.uid}/release",
            f"Follow lot {released.lot_no} from its raw materials to its customers: "
            f"{address}/trace?lot={released.uid}",
            f"Find everything that API lot 2608-117 of Huayu went into: "
            f"{address}/recall?seeds={mock.scope.seeds[0]}",
        ],
    }
