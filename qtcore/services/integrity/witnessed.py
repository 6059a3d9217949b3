"""I8, the part outside: what others signed or keep fits the database, and none has seen more.

It must not tell a witness anything that changes the database.
"""

from collections.abc import Iterator

from qtcore.services.audit import trust_of
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.outside import check_outside


def check_witnesses(ground: Ground) -> Iterator[Violation]:
    """Compare the database with what witnesses signed; servers are asked by the sequencer."""
    site = ground.site
    # A copy is older than what its witnesses have seen; opening the site notices that.
    if ground.is_serving and site.store.fence:
        yield Violation("I8", "witness", site.store.fence)
    found = check_outside(ground.session, site, trust_of(site), asks_folders=ground.is_serving)
    for each in found:
        place = "ledger" if each.seq is None else f"ledger event {each.seq}"
        yield Violation("I8", place, f"{each.kind}: {each.message}")
