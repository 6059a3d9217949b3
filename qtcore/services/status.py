"""What serves, what differs on disk, which drafts are open: the state of the configuration.

It must not change anything.
"""

from dataclasses import dataclass
from typing import Any

from qtcore.context import Context
from qtcore.definitions.problems import Problem
from qtcore.errors import Conflict
from qtcore.registry.stored import FileChange
from qtcore.services.configurations import find_version
from qtcore.services.drafts import READ, DraftView, list_drafts
from qtcore.services.pending import pending_files, pending_problems
from qtcore.services.publication import VersionView
from qtcore.services.rights import require
from qtcore.services.site import Site


@dataclass(frozen=True, slots=True)
class Status:
    """The version that serves, the pending upgrade with its problems, the open drafts."""

    serving: VersionView
    files: tuple[FileChange, ...]
    problems: tuple[Problem, ...]
    drafts: tuple[DraftView, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "serving": self.serving.as_json(),
            "pending": {
                "files": [{"pack": f.pack, "file": f.file, "change": f.kind} for f in self.files],
                "problems": [problem.as_json() for problem in self.problems],
            },
            "drafts": [draft.as_json() for draft in self.drafts],
        }


def read_status(site: Site, context: Context) -> Status:
    """Read it; raises Conflict before the first publication."""
    require(site, context, READ)
    with site.store.read() as session:
        row = find_version(session, site.store.tenant_id)
    if row is None:
        raise Conflict("nothing is published yet; run `qtcore db upgrade` once")
    files = pending_files(site)
    problems = pending_problems(site) if files else ()
    return Status(VersionView(row), files, problems, list_drafts(site, context))
