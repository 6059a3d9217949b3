"""The pages of configuration versions: what serves, drafts with their report, the sign sheet.

They must not check, compare or publish anything themselves.
"""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from qtcore.errors import Conflict, InputRejected, NotFound, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.draft_reports import Replays, check_draft
from qtcore.services.drafts import (
    DraftInput,
    discard_draft,
    edit_draft,
    open_draft,
    propose_draft,
    read_draft,
    rebase_draft,
    set_mappings,
)
from qtcore.services.publication import (
    PUBLISH,
    Signing,
    list_history,
    publish_draft,
    read_version,
    roll_back,
)
from qtcore.services.replay_jobs import read_replay
from qtcore.services.running import states_of
from qtcore.services.status import read_status

_MOST_SHOWN = 200
# A short history is replayed while the page is waited for; a long one shows its progress.
WAIT_SECONDS = 2.0


@page("GET", "/config/versions")
def versions(call: Call) -> Seen:
    """Show what serves, what waits, and the history."""
    return _list(call)


@page("GET", "/config/versions/{number:str}")
def version(call: Call) -> Seen:
    """Show one version with what its signer was shown."""
    view = read_version(call.site, call.act(), _number(call))
    return Page("config_version.html", {"view": view.as_json(full=True), "mistakes": []})


@page("POST", "/config/versions/{number:str}/rollback")
def rollback(call: Call) -> Seen:
    """Open a draft with the texts of this version."""
    number = _number(call)
    try:
        draft = roll_back(call.site, call.act(), number, reason=call.field("reason"))
    except (InputRejected, Conflict) as error:
        view = read_version(call.site, call.act(), number).as_json(full=True)
        return Page("config_version.html", {"view": view, "mistakes": _mistakes(call, error)}, 400)
    return Redirect(f"/config/drafts/{draft.row.uid}")


@page("POST", "/config/drafts")
def make(call: Call) -> Seen:
    """Open an empty draft."""
    try:
        entry = DraftInput(call.field("title"), call.field("reason"))
        draft = open_draft(call.site, call.act(), entry)
    except (InputRejected, Conflict) as error:
        return _list(call, _mistakes(call, error))
    return Redirect(f"/config/drafts/{draft.row.uid}")


@page("GET", "/config/drafts/{draft:str}")
def draft(call: Call) -> Seen:
    """Show a draft: its problems, what it changes, what replay says, and the sign sheet."""
    return _draft(call)


@page("GET", "/config/drafts/{draft:str}/replay")
def replaying(call: Call) -> Seen:
    """Show how far the replay of a draft is; the page comes again by itself."""
    uid = call.params["draft"]
    view = read_draft(call.site, call.act(), uid)
    told = read_replay(call.site, uid)
    if told is None:
        return Redirect(f"/config/drafts/{quote(uid)}")
    return Page("config_replay.html", {"draft": view.as_json(), "replaying": told})


@page("POST", "/config/drafts/{draft:str}/replay")
def replay_again(call: Call) -> Seen:
    """Begin the replay of a draft again, for decisions made since, or after one that broke off."""
    uid = call.params["draft"]
    check_draft(call.site, call.act(), uid, replays=Replays(0.0, anew=True))
    return Redirect(f"/config/drafts/{quote(uid)}/replay")


@page("POST", "/config/drafts/{draft:str}")
def act(call: Call) -> Seen:
    """Propose, map, carry over, discard, or sign and publish."""
    run = _ACTS.get(call.field("act"))
    if run is None:
        raise NotFound("this page has no such act")
    try:
        goal = run(call)
    except (Refused, InputRejected, Conflict) as error:
        return _draft(call, _mistakes(call, error))
    return Redirect(goal)


@page("GET", "/config/drafts/{draft:str}/file")
def file(call: Call) -> Seen:
    """Show the text of one file to edit it."""
    return _file(call)


@page("POST", "/config/drafts/{draft:str}/file")
def save(call: Call) -> Seen:
    """Store the text; what was typed stays when it is refused."""
    name = call.word("pack"), call.word("file")
    text = call.form.get("text", [""])[-1].replace("\r\n", "\n")
    uid, expected = call.params["draft"], call.field("version")
    try:
        seen = int(expected) if expected.isdecimal() else None
        edit_draft(call.site, call.act(), uid, {name: text}, expected=seen)
    except (InputRejected, Conflict) as error:
        return _file(call, _mistakes(call, error), text)
    return Redirect(f"/config/drafts/{uid}")


def _list(call: Call, mistakes: Sequence[dict[str, str]] = ()) -> Page:
    status = read_status(call.site, call.act())
    rows = [view.as_json() for view in list_history(call.site, call.act())]
    data = {"status": status.as_json(), "versions": rows, "mistakes": list(mistakes)}
    return Page("config_versions.html", data, 400 if mistakes else 200)


def _draft(call: Call, mistakes: Sequence[dict[str, str]] = ()) -> Page:
    context, uid = call.act(), call.params["draft"]
    report = check_draft(call.site, context, uid, replays=Replays(WAIT_SECONDS))
    flows = {s.workflow for s in report.stranded}
    choices = {
        name: sorted(states_of(report.registry.find("workflows", name)))
        for name in flows
        if report.registry is not None
    }
    is_author = context.actor.login in report.draft.row.authors
    data = {
        "report": report.as_json(),
        "problems": report.problems,
        "is_compiled": report.registry is not None,
        "differences": [d.words(call.language) for d in report.differences[:_MOST_SHOWN]],
        "flows": sorted({d.name for d in report.differences if d.kind == "workflows"}),
        "draft": report.draft.as_json(),
        "packs": [pack.name for pack in report.draft.configuration.packs],
        "choices": choices,
        "may_sign": context.actor.may(PUBLISH) and not is_author,
        "replaying": report.replaying,
        "mistakes": list(mistakes),
    }
    return Page("config_draft.html", data, 400 if mistakes else 200)


def _file(call: Call, mistakes: Sequence[dict[str, str]] = (), typed: str | None = None) -> Page:
    view = read_draft(call.site, call.act(), call.params["draft"])
    name, path = call.word("pack"), call.word("file")
    pack = view.configuration.find(name)
    if pack is None:
        raise NotFound(f"the draft has no pack {name!r}")
    text = pack.files.get(path, "") if typed is None else typed
    data = {
        "draft": view.as_json(),
        "pack": name,
        "file": path,
        "files": sorted(pack.files),
        "text": text,
        "mistakes": list(mistakes),
    }
    return Page("config_file.html", data, 400 if mistakes else 200)


def _propose(call: Call) -> str:
    uid = call.params["draft"]
    propose_draft(call.site, call.act(), uid, reason=call.field("reason"))
    return f"/config/drafts/{quote(uid)}"


def _map(call: Call) -> str:
    uid = call.params["draft"]
    held = read_draft(call.site, call.act(), uid).row.mappings
    found = {name: dict(states) for name, states in held.items()}
    for key, values in call.form.items():
        if key.startswith("map:") and values[-1]:
            _, workflow, state = key.split(":", 2)
            found.setdefault(workflow, {})[state] = values[-1]
    set_mappings(call.site, call.act(), uid, found)
    return f"/config/drafts/{quote(uid)}"


def _rebase(call: Call) -> str:
    return f"/config/drafts/{rebase_draft(call.site, call.act(), call.params['draft']).row.uid}"


def _discard(call: Call) -> str:
    discard_draft(call.site, call.act(), call.params["draft"], reason=call.field("reason"))
    return "/config/versions"


def _publish(call: Call) -> str:
    signing = Signing(call.proof, call.field("reason"))
    uid, replays = call.params["draft"], Replays(WAIT_SECONDS)
    view = publish_draft(call.site, call.act(), uid, signing, replays=replays)
    return f"/config/versions/{view.row.number}"


_ACTS: dict[str, Callable[[Call], str]] = {
    "propose": _propose,
    "map": _map,
    "rebase": _rebase,
    "discard": _discard,
    "publish": _publish,
}


def _mistakes(call: Call, error: QTCoreError) -> list[dict[str, str]]:
    return [{"message": text, "href": ""} for text in word_error(call, error)]


def _number(call: Call) -> int:
    text = call.params["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > 8:
        raise NotFound(f"there is no configuration version {text!r}; give a number")
    return int(text)


ROUTES = (versions, version, rollback, make, draft, replaying, replay_again, act, file, save)
