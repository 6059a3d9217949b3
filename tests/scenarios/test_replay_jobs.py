"""The replay of a draft in the background: progress, two at once, one that dies, one too old."""

from collections.abc import Iterator

import pytest

from qtcore.context import Context
from qtcore.errors import Refused
from qtcore.registry.registry import Registry
from qtcore.services.draft_reports import Replays, check_draft
from qtcore.services.drafts import DraftInput, edit_draft, open_draft, read_draft
from qtcore.services.publication import Signing, publish_draft
from qtcore.services.replay import Scope, read_report, replay
from qtcore.services.replay_jobs import (
    MOST_ATTEMPTS,
    _claim,
    _Run,
    _subject_of,
    read_replay,
    replay_draft,
)
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.store.tables import ConfigDraft, ReplayJob
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user, release
from qtcore.testing.sites import FrozenClock

TEXTS = "workflows/i18n/en.yaml"
BACKGROUND = Replays(60.0)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(clock: FrozenClock) -> Iterator[Site]:
    with a_site(packs=["food"], clock=clock) as opened:
        for number in range(3):
            release(opened, a_received_lot(opened, lot_no=f"L{number}"))
        yield opened


@pytest.fixture
def author(site: Site) -> Context:
    return a_user(site, ["implementer"], login="ida")


@pytest.fixture
def draft(site: Site, author: Context) -> ConfigDraft:
    made = open_draft(site, author, DraftInput("A change", "asked for"))
    base = made.configuration.find("base")
    assert base is not None
    text = base.files[TEXTS].replace("Quarantine", "Held back")
    edit_draft(site, author, made.row.uid, {("base", TEXTS): text})
    return read_draft(site, author, made.row.uid).row


@pytest.fixture
def registry(site: Site, author: Context, draft: ConfigDraft) -> Registry:
    found = check_draft(site, author, draft.uid, replays=None).registry
    assert found is not None
    return found


def row_of(site: Site, draft: ConfigDraft) -> ReplayJob | None:
    with site.store.read() as session:
        return session.get(ReplayJob, (site.store.tenant_id, draft.uid))


def claim(site: Site, draft: ConfigDraft, registry: Registry, seen: ReplayJob | None) -> _Run:
    """Take the replay on as a worker does, and do nothing more: it dies there."""
    with site.store.plumbing() as session:
        asked = (seen, draft.uid, _subject_of(site, draft, registry))
        run = _claim(site, session, asked, anew=False)
    assert run is not None
    return run


def test_the_report_of_the_background_is_that_of_a_replay_at_once(
    site: Site, author: Context, draft: ConfigDraft
) -> None:
    waited = check_draft(site, author, draft.uid, replays=BACKGROUND)
    at_once = check_draft(site, author, draft.uid)
    assert waited.replaying is not None
    assert waited.replaying.done == waited.replaying.total == 3
    assert waited.replay == at_once.replay
    assert at_once.replaying is None


def test_a_report_is_read_back_as_it_was(site: Site, registry: Registry) -> None:
    made = replay(site, Scope(), registry)
    assert made.lines
    assert read_report(made.as_json()) == made


def test_a_second_look_uses_the_report_until_the_draft_or_an_hour_changes_it(
    site: Site, author: Context, draft: ConfigDraft, clock: FrozenClock
) -> None:
    def holder() -> str:
        check_draft(site, author, draft.uid, replays=BACKGROUND)
        row = row_of(site, draft)
        assert row is not None
        return row.holder

    first = holder()
    assert holder() == first
    clock.advance(hours=2)
    second = holder()
    text = "rules: []\n"
    edit_draft(site, author, draft.uid, {("base", "workflows/more.yaml"): text})
    third = holder()
    assert len({first, second, third}) == 3


def test_progress_says_how_many_of_how_many_how_fast_and_how_long(
    site: Site, draft: ConfigDraft, registry: Registry, clock: FrozenClock
) -> None:
    run = claim(site, draft, registry, None)
    begun = read_replay(site, draft.uid)
    assert begun is not None
    assert (begun.state, begun.total, begun.seconds_left) == ("running", 0, None)
    run._count(30, 100)
    clock.advance(seconds=10)
    run._tell()
    told = read_replay(site, draft.uid)
    assert told is not None
    assert (told.done, told.total, told.rate, told.seconds_left) == (30, 100, 3.0, 23)


def test_of_two_workers_one_replays_and_the_other_shows_its_progress(
    site: Site, draft: ConfigDraft, registry: Registry
) -> None:
    claim(site, draft, registry, None)
    told = replay_draft(site, draft, registry, wait_seconds=60)
    assert (told.state, told.report) == ("running", None)


def test_a_worker_that_died_is_taken_over_and_stops_when_it_comes_back(
    site: Site, draft: ConfigDraft, registry: Registry, clock: FrozenClock
) -> None:
    dead = claim(site, draft, registry, None)
    clock.advance(seconds=21)
    lost = read_replay(site, draft.uid)
    assert lost is not None
    assert (lost.state, lost.message) == ("failed", "it was cut off; begin it again")
    told = replay_draft(site, draft, registry, wait_seconds=60)
    assert told.state == "finished"
    before = row_of(site, draft)
    dead._tell(state="failed", message="late")
    assert dead.is_overtaken
    dead.work(registry)
    assert row_of(site, draft) == before


def test_two_that_take_over_at_once_are_one(
    site: Site, draft: ConfigDraft, registry: Registry, clock: FrozenClock
) -> None:
    claim(site, draft, registry, None)
    clock.advance(seconds=21)
    seen = row_of(site, draft)
    subject = _subject_of(site, draft, registry)
    runs = []
    for _ in range(2):
        with site.store.plumbing() as session:
            runs.append(_claim(site, session, (seen, draft.uid, subject), anew=False))
    assert [run is None for run in runs] == [False, True]


def test_a_replay_that_dies_again_and_again_is_left_alone(
    site: Site, draft: ConfigDraft, registry: Registry, clock: FrozenClock
) -> None:
    claim(site, draft, registry, None)
    for _ in range(MOST_ATTEMPTS - 1):
        clock.advance(seconds=21)
        claim(site, draft, registry, row_of(site, draft))
    clock.advance(seconds=21)
    told = replay_draft(site, draft, registry, wait_seconds=60)
    assert (told.state, "cut off 3 times" in told.message) == ("failed", True)
    assert replay_draft(site, draft, registry, wait_seconds=60, anew=True).state == "finished"


def test_nobody_signs_before_the_report_is_there(
    site: Site, draft: ConfigDraft, registry: Registry, clock: FrozenClock
) -> None:
    signer = a_user(site, ["qa"], login="quinn")
    claim(site, draft, registry, None)
    signing = Signing(Proof(PASSWORD), "checked")
    with pytest.raises(Refused, match="there is no replay yet: 0 of 0 are done") as refused:
        publish_draft(site, signer, draft.uid, signing, replays=BACKGROUND)
    assert [r.code for r in refused.value.refusals] == ["QT538"]
    clock.advance(seconds=21)
    assert publish_draft(site, signer, draft.uid, signing, replays=BACKGROUND).row.number == 2
