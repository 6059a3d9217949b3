"""What every import shares: its report, its row in the database, the master data it brings.

It must not know any file format.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from qtcore.builtin.faults import ReadFault
from qtcore.builtin.tabular.content import Content, chunks_of
from qtcore.context import Context
from qtcore.errors import Fault
from qtcore.services.master import MasterInput
from qtcore.services.nodes import NodeBook
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.tables import ImportRun
from qtcore.store.unit import UnitOfWork

MAX_CODE = 120
MAX_LOT_NO = 200
MAX_EVENT_ID = 300
_KEPT_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the files: counts, and every problem with its place.

    `read`, `stored` and `duplicates` count events; `refused` counts table rows, or documents. A
    problem is either a refusal or something a person should look at: `refused` tells how many are
    refusals. `lots` counts what was seen for the first time. `sums` are the quantities of what was
    stored, by lot of the mapping and unit, to be compared with the source (Annex 11, 4.8).
    `import_id` names the record kept of the load; a dry run keeps none.
    """

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    lots: int = 0
    problems: tuple[Fault, ...] = ()
    sums: Mapping[str, Decimal] = field(default_factory=dict)
    import_id: str = ""

    def __add__(self, other: "ImportReport") -> "ImportReport":
        return ImportReport(
            self.read + other.read,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.lots + other.lots,
            (*self.problems, *other.problems),
            _added(self.sums, other.sums),
            other.import_id or self.import_id,
        )

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicates": self.duplicates,
            "refused": self.refused,
            "lots": self.lots,
            "sums": {name: decimal_text(total) for name, total in self.sums.items()},
            "import_id": self.import_id,
            "problems": [problem.as_json() for problem in self.problems],
        }


def _added(one: Mapping[str, Decimal], two: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: one.get(name, Decimal()) + two.get(name, Decimal()) for name in {**one, **two}}


@dataclass(frozen=True, slots=True)
class ImportSource:
    """The files of one load, for the record kept of it (Annex 11, 4.8)."""

    format: str
    name: str
    sha256: str
    mapping_sha256: str = ""
    started_at: datetime | None = None

    def counts(self, report: ImportReport) -> dict[str, object]:
        """Give what the ledger keeps of a load."""
        return {
            "file": self.name,
            "sha256": self.sha256,
            "read": report.read,
            "stored": report.stored,
            "duplicates": report.duplicates,
            "refused": report.refused,
        }


@dataclass(slots=True)
class Places:
    """Parties, places and items that an import brings; each is made once when it is not there."""

    book: NodeBook
    names: dict[str, str] = field(default_factory=dict)
    ready: set[tuple[str, str]] = field(default_factory=set)

    def code(self, entity: str, code: str, name: str = "", **values: Any) -> str:
        """Make sure that master data with this code exists; gives the code back."""
        if code and (entity, code) not in self.ready:
            shown = name or self.names.get(code) or code
            self.book.master(entity, code, MasterInput(entity, code, shown[:200], values=values))
            self.ready.add((entity, code))
        return code


def source_of(
    format_name: str, files: Sequence[tuple[str, Content]], started_at: datetime, rules: bytes = b""
) -> ImportSource:
    """Describe the files of a load."""
    digest = sha256()
    for _, content in files:
        for chunk in chunks_of(content):
            digest.update(chunk)
    name = ", ".join(name for name, _ in files)
    mapping = sha256(rules).hexdigest() if rules else ""
    return ImportSource(format_name, name[:300], digest.hexdigest(), mapping, started_at)


def open_run(work: UnitOfWork, source: ImportSource) -> ImportRun:
    """Begin the record of a load inside its first unit of work."""
    run = ImportRun(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        format=source.format,
        file_name=source.name,
        file_sha256=source.sha256,
        mapping_sha256=source.mapping_sha256,
        started_at=source.started_at or work.context.at,
        recorded_by=work.context.actor.login,
    )
    work.add(run)
    work.flush()
    return run


def close_run(site: Site, work: UnitOfWork, run: ImportRun, report: ImportReport) -> None:
    """Complete the record with its counts and problems."""
    work.change(
        run,
        read=report.read,
        stored=report.stored,
        duplicates=report.duplicates,
        refused=report.refused,
        sums={name: decimal_text(total) for name, total in report.sums.items()},
        problems=[problem.as_json() for problem in report.problems[:_KEPT_PROBLEMS]],
        finished_at=site.sources.now(),
    )


def record_refusal(site: Site, context: Context, source: ImportSource, report: ImportReport) -> str:
    """Keep the record of a load of which nothing was stored, and tell the ledger of the attempt.

    Gives the public id of the record.
    """
    with site.store.write(context) as work:
        run = open_run(work, source)
        close_run(site, work, run, report)
        work.log(
            "import.refused",
            "import",
            run.uid,
            reason=report.problems[0].message[:400] if report.problems else "",
            details={"file": source.name, "sha256": source.sha256, "refused": report.refused},
        )
        return run.uid


def as_faults(found: Iterable[ReadFault], name: str = "") -> tuple[Fault, ...]:
    """Turn what a reader found into faults; `name` puts the file in front of a JSON pointer."""
    return tuple(
        Fault(each.code, each.message, f"{name}#{each.where}" if name else each.where)
        for each in found
    )
