"""All checks in one run, and what they found.

It must not know what an invariant means.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from qtcore.context import Context
from qtcore.errors import StoreUnavailable
from qtcore.services.integrity.books import check_books
from qtcore.services.integrity.facts_of_lots import (
    check_balance,
    check_genealogy,
    check_lines,
    check_sums,
    check_told,
)
from qtcore.services.integrity.files import check_bytes, check_files
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.integrity.lending import check_delegations
from qtcore.services.integrity.life_cycles import (
    check_releases,
    check_signatures,
    check_states,
    check_use,
    check_verdicts,
)
from qtcore.services.integrity.master_rows import check_accounts, check_masters
from qtcore.services.integrity.proof import (
    check_answers,
    check_borders,
    check_refusals,
    check_seals,
    check_versions,
)
from qtcore.services.integrity.times import check_time
from qtcore.services.integrity.witnessed import check_witnesses
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.damage import named_damage

Check = Callable[[Ground], Iterator[Violation]]

CHECKS: Final[tuple[tuple[str, tuple[Check, ...]], ...]] = (
    ("I1", (check_answers,)),
    ("I2", (check_states,)),
    ("I3", (check_told, check_masters, check_accounts, check_lines, check_books)),
    ("I4", (check_releases,)),
    ("I5", (check_signatures, check_delegations)),
    ("I6", (check_balance, check_sums, check_genealogy)),
    ("I7", (check_use,)),
    ("I8", (check_seals, check_witnesses)),
    ("I9", (check_time,)),
    ("I10", (check_borders,)),
    ("I11", (check_verdicts,)),
    ("I12", (check_versions,)),
    ("I13", (check_refusals,)),
    ("I14", (check_files, check_bytes)),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a run found, and how long it took; `counts` has every invariant that was checked."""

    violations: tuple[Violation, ...]
    counts: dict[str, int]
    seconds: float

    @property
    def is_sound(self) -> bool:
        """Say whether every promise holds."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "ok": self.is_sound,
            "violations": [each.as_json() for each in self.violations],
            "checked": self.counts,
            "seconds": f"{self.seconds:.3f}",
        }


def check_database(
    site: Site, context: Context, *, journal: Sequence[str] = (), is_serving: bool = True
) -> Checked:
    """Check every invariant and name each violation with its place; nothing is changed.

    `journal` holds public ids that clients were told of: each must be there. A copy that nobody
    serves has nobody who seals: there, entries may wait.
    """
    require(site, context, "ledger.verify", about="fsck")
    started = time.perf_counter()
    found: list[Violation] = []
    counts: dict[str, int] = {}
    with site.store.read() as session:
        ground = Ground(site, session, is_serving)
        for name, checks in CHECKS:
            before = len(found)
            for check in checks:
                run = partial(check_answers, journal=journal) if check is check_answers else check
                found += _run(name, run, ground)
            counts[name] = len(found) - before
    return Checked(tuple(found), counts, time.perf_counter() - started)


def _run(name: str, check: Check, ground: Ground) -> list[Violation]:
    """Run one check; what cannot even be read is a violation as well, and the others go on."""
    try:
        with named_damage(ground.session):
            return list(check(ground))
    except StoreUnavailable as error:
        return [Violation(name, "database", error.message)]
