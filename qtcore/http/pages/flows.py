"""The pages of life cycles: a picture, the states and transitions as tables, what is proved.

They must not prove or compare anything themselves.
"""

from typing import Any

from markupsafe import Markup

from qtcore.engines.diagrams import draw_mermaid, draw_svg
from qtcore.engines.proofs.words import Named, claim_words
from qtcore.http.call import Call
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.workflow_views import WorkflowView, list_workflows, view_workflow


@page("GET", "/config/workflows")
def flows(call: Call) -> Seen:
    """List the life cycles in force."""
    return Page("flows.html", {"flows": list_workflows(call.site, call.act())})


@page("GET", "/config/workflows/{workflow:str}")
def flow(call: Call) -> Seen:
    """Show a life cycle in force."""
    return _page(view_workflow(call.site, call.act(), call.params["workflow"]), "")


@page("GET", "/config/drafts/{draft:str}/workflows/{workflow:str}")
def drafted(call: Call) -> Seen:
    """Show a life cycle as a draft would have it, with its changes marked."""
    uid = call.params["draft"]
    return _page(view_workflow(call.site, call.act(), call.params["workflow"], uid), uid)


def _page(view: WorkflowView, draft: str) -> Page:
    tongue = view.tongue
    proofs = (*view.report.proofs, *view.report.inherited)
    # Drawn by the product itself; every label in it is escaped there.
    svg = Markup(draw_svg(view.drawn, view.labels, view.changes, is_styled=False))  # noqa: S704
    data: dict[str, Any] = {
        "draft": draft,
        "flow": view.drawn,
        "labels": view.labels,
        "changes": view.changes,
        "svg": svg,
        "mermaid": draw_mermaid(view.drawn, view.labels, view.changes),
        "proofs": [
            {
                "id": proof.claim.id,
                "verdict": proof.verdict,
                "claim": claim_words(proof.claim, tongue),
                "path": proof.path_in(tongue),
                "reason": tongue.tell(proof.note) if proof.note else "",
                "mandatory": proof.claim.mandatory,
            }
            for proof in proofs
        ],
        "findings": [found.as_json(tongue) for found in view.report.findings],
        "allowed": lambda state: [tongue.phrase(f"may_{ability}") for ability in state.may],
        "named": lambda kind, name: tongue.name(Named(kind, name)),
        "text_of": lambda key: view.registry.text(key, tongue.language),
    }
    return Page("flow.html", data)


ROUTES = (flows, flow, drafted)
