"""Two sign at once, two instances serve: one version is published, and all serve it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qtcore.context import Context
from qtcore.errors import Conflict, QTCoreError, Refused
from qtcore.services.configurations import newest_number
from qtcore.services.serving import Serving
from qtcore.services.site import Site
from qtcore.testing import a_site, a_user
from qtcore.testing.sites import sqlite_url
from tests.scenarios.test_publication import a_draft, publish, signer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    with a_site(url, packs=["food"]) as opened:
        yield opened


def test_of_two_signers_at_once_one_publishes(shared: Site):
    drafts = [a_draft(shared, new=word) for word in ("Held", "Kept")]
    contexts = [signer(shared), a_user(shared, ["qa"], login="quentin")]
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def sign(draft: str, context: Context) -> None:
        ready.wait()
        try:
            publish(shared, draft, context)
            outcomes.append("published")
        except Refused as refused:
            outcomes.append(refused.refusals[0].code)
        except QTCoreError as error:
            outcomes.append(error.code)

    threads = [
        threading.Thread(target=sign, args=pair) for pair in zip(drafts, contexts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[-1] == "published"
    assert sorted(outcomes)[0] in ("QT412", "QT531")
    with shared.store.read() as session:
        assert newest_number(session, shared.store.tenant_id) == 2


def test_another_instance_serves_what_was_published_from_its_next_request_on(shared: Site):
    other = Serving(replace(shared, version=1))
    before = other.now().registry.fingerprint
    publish(shared, a_draft(shared))
    assert other.now().registry.fingerprint != before
    assert other.now().version == 2


def test_a_version_that_cannot_be_compiled_leaves_the_old_one_serving(
    shared: Site, monkeypatch: pytest.MonkeyPatch
):
    other = Serving(replace(shared, version=1))
    publish(shared, a_draft(shared))
    monkeypatch.setattr("qtcore.services.serving.compile_published", _fail)
    assert other.now().version == 1


def _fail(_published: object) -> None:
    raise Conflict("a text is missing")
