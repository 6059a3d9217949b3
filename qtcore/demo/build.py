"""Builds the demo site and says what it holds: `qtcore demo`.

It must not know HTTP. The history is told to the services with a clock that walks from ten weeks
ago to now: every ledger event is made by the code that makes it in a factory, signatures included.
"""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtcore.context import Context
from qtcore.demo.company import found_company
from qtcore.demo.desk import StoryDesk
from qtcore.demo.incidents import BLOCKED, plan_incidents
from qtcore.demo.plants import plan_batches, plan_deliveries
from qtcore.demo.story import DAYS, Story
from qtcore.demo.summary import summarise
from qtcore.errors import Conflict
from qtcore.services.audit import seal
from qtcore.services.configurations import newest_number
from qtcore.services.master import find_master
from qtcore.services.recall import RecallStart, StartedRecall, start_recall
from qtcore.services.site import Site, with_registry

DEMO_FOLDER = "qtcore-demo"
# Letters and digits that nobody confuses when reading them from a terminal.
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_SEED = ("API-IBU", "2608-117", "SUP-HUAYU")


def demo_url() -> str:
    """Name a fresh database for one demo: ``qtcore-demo/demo.db`` below the working folder.

    What an earlier demo left there is removed; a database named with ``--db`` never is.
    """
    folder = Path(DEMO_FOLDER).resolve()
    folder.mkdir(exist_ok=True)
    for file in folder.glob("demo.db*"):
        if file.is_file():
            file.unlink()
    return f"sqlite:///{folder / 'demo.db'}"


def build_demo(site: Site, *, address: str) -> dict[str, Any]:
    """Build the demo in an empty database; gives the summary that `qtcore demo` prints.

    Raises Conflict, and changes nothing, when the database holds a company already.
    """
    _require_empty(site)
    with site.store.read() as session:
        number = newest_number(session, site.store.tenant_id)
    # Told by the version that was just published, as every site after its first start.
    site = replace(with_registry(site, site.registry, site.warnings, number), desk=StoryDesk())
    password = "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
    story = Story(site, password)
    founding = site.system_context()
    found_company(site, founding, password)
    plan_deliveries(story)
    batches = plan_batches(story)
    plan_incidents(story, batches)
    mock: list[StartedRecall] = []
    story.at(DAYS - 1, 10, lambda: mock.append(_mock_recall(story)))
    story.run()
    seal(site)
    return summarise(story, batches[BLOCKED].finished, mock[0], address)


def _require_empty(site: Site) -> None:
    with site.store.read() as session:
        found = find_master(session, site.store.tenant_id, "item", _SEED[0])
    if found is not None:
        raise Conflict(
            f"{site.store.name} holds the demo already and is left as it is; serve it with "
            "`qtcore serve --db URL`, or run `qtcore demo` without --db for a new one"
        )


def _mock_recall(story: Story) -> StartedRecall:
    """Practise a recall of one lot of ibuprofen on live data, from the signal to its closure."""
    seed = story.lots[_SEED]
    start = RecallStart(
        seeds=[seed.uid],
        title="Yearly exercise: foreign matter in ibuprofen 2608-117",
        reason="Exercise of the recall procedure",
        is_mock=True,
        data={
            "plan": "cn_drug_2022",
            "recall_class": "II",
            "trigger": "exercise",
            "depth": "retail",
            "strategy": "Everything shipped to wholesale, hospital and pharmacy accounts.",
            "conclusion": "All consignees found; nothing was sent.",
        },
    )
    started = start_recall(story.site, _context(story), start)
    steps = (
        ("assess", "recall", ""),
        ("classify", "recall", ""),
        ("decide", "recallhead", "Class II by the hazard assessment of the exercise"),
        ("notify", "recall", ""),
        ("execute", "recall", ""),
        ("reconcile", "recall", ""),
        ("close", "recallhead", "All accounts were found within the time set"),
    )
    for transition, login, reason in steps:
        story.sign(started.record_id, transition, login, reason)
    return started


def _context(story: Story) -> Context:
    return story.context("recall")
