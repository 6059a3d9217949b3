"""I8, the part outside: no witness has seen more than the database holds, and no other past.

It must not tell a witness anything that changes the database.
"""

from collections.abc import Iterator

from qtcore.engines.ledger import open_note, read_checkpoint
from qtcore.engines.ledger.note import NoteError
from qtcore.errors import QTCoreError
from qtcore.services.audit import trust_of
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.witnessing import newest_in_folder
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.sealing import current_origin, read_frontier


def check_witnesses(ground: Ground) -> Iterator[Violation]:
    """Compare the database with what witness folders keep; servers are asked by the sequencer."""
    site, session = ground.site, ground.session
    if not ground.is_serving:
        return  # a copy is older than what its witnesses have seen; opening the site notices that
    if site.store.fence:
        yield Violation("I8", "witness", site.store.fence)
    sealed = sealed_up_to(session, ground.tenant)
    origin = current_origin(session, site.store, site.signer)
    trust = trust_of(site)
    for folder in site.outposts.folders:
        file = newest_in_folder(folder, origin)
        if file is None:
            continue
        try:
            note = file.read_text(encoding="utf-8")
            known = (*trust.keys, *(each.key for each in trust.retired))
            kept = read_checkpoint(open_note(note, known).body)
            ours = read_frontier(session, ground.tenant, min(kept.size, sealed)).root
        except (OSError, NoteError, QTCoreError) as exc:
            yield Violation("I8", folder.name, f"its newest note cannot be used: {exc}")
            continue
        if kept.size > sealed:
            said = f"it has seen {kept.size} events, {sealed} are here"
            yield Violation("I8", folder.name, f"SHORTER_THAN_WITNESS: {said}")
        elif kept.root != ours:
            yield Violation("I8", folder.name, f"ROOT_FORK: another root of {kept.size} events")
