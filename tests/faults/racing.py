"""One of two instances that release the same lots at the same moment.

It must not judge: tests do.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.context import Sources
from qtcore.errors import QTCoreError, Refused
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.signers import Signer
from qtcore.store.store import open_store
from qtcore.testing import PASSWORD, FrozenClock, a_registry, a_user, seeded_bytes


def another_instance(url: str, seed: int) -> Site:
    """Open a database that is there already, as a further process does."""
    sources = Sources(now=FrozenClock().now, random_bytes=seeded_bytes(seed))
    key = Ed25519PrivateKey.from_private_bytes(seeded_bytes(1)(32))
    store = open_store(url, sources=sources)
    return Site(store, a_registry("food"), sources, Signer("qtcore/test-1", key))


def release_each(site: Site, login: str, lots: Sequence[str], wait: Callable[[], Any]) -> list[str]:
    """Release one lot after the other, each when the other instance is ready for it as well."""
    outcomes = []
    for lot in lots:
        person = a_user(site, ["qp"], login=login)
        wait()
        try:
            fire_transition(site, person, ("lot", lot), Step("release", password=PASSWORD))
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(refused.refusals[0].code)
        except QTCoreError as error:
            outcomes.append(error.code)
    return outcomes


def in_threads(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run acts in one thread each; gives what they gave, or the error."""
    outcomes: list[Any] = [None] * len(acts)

    def run(at: int) -> None:
        try:
            outcomes[at] = acts[at]()
        except Exception as error:
            outcomes[at] = error

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
