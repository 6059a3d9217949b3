"""Messages that something was found about lots, left in the transaction of the finding.

It must not know who waits for them; see `qtcore.services.waking`.
"""

from collections.abc import Iterable
from typing import Final

from qtcore.store.unit import UnitOfWork

FINDINGS: Final = "findings"
"""The topic of these messages."""


def tell_findings(work: UnitOfWork, lots: Iterable[str]) -> None:
    """Leave a message about lots, by their public ids, for after the commit."""
    found = list(dict.fromkeys(lots))
    if found:
        work.publish(FINDINGS, {"lots": found})
