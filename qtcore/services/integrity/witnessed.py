"""I8, the part outside: no witness has seen more than the database holds, and no other past.

It must not tell a witness anything that changes the database.
"""

from collections.abc import Iterator

from qtcore.services.audit import trust_of
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.outside import check_folder


def check_witnesses(ground: Ground) -> Iterator[Violation]:
    """Compare the database with what witness folders keep; servers are asked by the sequencer."""
    site, session = ground.site, ground.session
    if not ground.is_serving:
        return  # a copy is older than what its witnesses have seen; opening the site notices that
    if site.store.fence:
        yield Violation("I8", "witness", site.store.fence)
    for folder in site.outposts.folders:
        for found in check_folder(session, site, trust_of(site), folder):
            yield Violation("I8", folder.name, f"{found.kind}: {found.message}")
