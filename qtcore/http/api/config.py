"""Configurations in the API: what serves, drafts, comparison, publication, migration, replay.

It must not check or publish anything itself.
"""

from qtcore.definitions.edit import Edit
from qtcore.errors import NotFound
from qtcore.http.api.config_inputs import (
    CompareQuery,
    DraftBody,
    EditsBody,
    FilesBody,
    MappingsBody,
    MigrationBody,
    PublishBody,
    ReasonedBody,
    ReplayQuery,
)
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.draft_reports import Replays, check_draft
from qtcore.services.drafts import (
    DraftInput,
    DraftView,
    discard_draft,
    edit_draft,
    open_draft,
    propose_draft,
    read_draft,
    rebase_draft,
    set_mappings,
)
from qtcore.services.editing import edit_file
from qtcore.services.migration import StateMapping, preview_migration, run_migration
from qtcore.services.publication import (
    Signing,
    compare_versions,
    list_history,
    publish_draft,
    read_version,
    roll_back,
)
from qtcore.services.release import GATE
from qtcore.services.replay import Scope, replay
from qtcore.services.rights import require
from qtcore.services.sign_proofs import Proof
from qtcore.services.status import read_status

# A short history is replayed while the answer is waited for; a long one goes on in the background.
WAIT_SECONDS = 2.0


@operation(
    "GET", "/config", summary="What serves, what waits on disk, open drafts", answer="Config"
)
def show(call: Call, _: Sent) -> Answer:
    """Show the state of the configuration."""
    return Answer(plain_json(read_status(call.site, call.act()).as_json()))


@operation("GET", "/config/versions", summary="List published versions", answer="ConfigVersions")
def versions(call: Call, _: Sent) -> Answer:
    """List the versions, newest first."""
    rows = [view.as_json() for view in list_history(call.site, call.act())]
    return Answer(plain_json({"versions": rows}))


@operation(
    "GET",
    "/config/versions/{number:str}",
    summary="Show one published version with what its signer was shown",
    answer="ConfigVersion",
)
def version(call: Call, _: Sent) -> Answer:
    """Show one version."""
    view = read_version(call.site, call.act(), _number(call))
    return Answer(plain_json(view.as_json(full=True)))


@operation(
    "GET",
    "/config/differences",
    summary="Compare two published versions",
    answer="Differences",
    query=CompareQuery,
)
def differences(call: Call, sent: Sent) -> Answer:
    """List what differs in words."""
    asked: CompareQuery = sent.query
    found = compare_versions(call.site, call.act(), asked.before, asked.after)
    return Answer(plain_json({"differences": [each.as_json() for each in found]}))


@operation(
    "POST",
    "/config/versions/{number:str}/rollback",
    summary="Open a draft with the texts of an older version",
    answer="Draft",
    status=201,
    body=ReasonedBody,
)
def rollback(call: Call, sent: Sent) -> Answer:
    """Open a draft that goes back; it passes the same gate."""
    return _made(roll_back(call.site, call.act(), _number(call), reason=sent.body.reason))


@operation(
    "POST", "/config/drafts", summary="Open a draft", answer="Draft", status=201, body=DraftBody
)
def make(call: Call, sent: Sent) -> Answer:
    """Open a draft over the version that serves."""
    body: DraftBody = sent.body
    entry = DraftInput(body.title, body.reason, mappings=body.mappings)
    return _made(open_draft(call.site, call.act(), entry))


@operation("GET", "/config/drafts/{draft_id:str}", summary="Show a draft", answer="Draft")
def draft(call: Call, _: Sent) -> Answer:
    """Show a draft and the texts of the files that differ."""
    view = read_draft(call.site, call.act(), call.params["draft_id"])
    texts = [
        {"pack": f.pack, "file": f.file, "text": pack.files[f.file]}
        for f in view.files
        if (pack := view.configuration.find(f.pack)) is not None and f.file in pack.files
    ]
    return Answer(plain_json({**view.as_json(), "texts": texts}))


@operation(
    "GET",
    "/config/drafts/{draft_id:str}/files/{pack:str}/{file:str}",
    summary="Read one file of a draft (a slash in its name is sent as %2F)",
    answer="DraftFile",
)
def file(call: Call, _: Sent) -> Answer:
    """Read one file."""
    view = read_draft(call.site, call.act(), call.params["draft_id"])
    name, path = call.params["pack"], call.params["file"]
    pack = view.configuration.find(name)
    if pack is None or path not in pack.files:
        raise NotFound(f"the draft has no file {path!r} in pack {name!r}")
    return Answer({"pack": name, "file": path, "text": pack.files[path]})


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/files",
    summary="Set, add or remove files of a draft",
    answer="Draft",
    body=FilesBody,
)
def edit(call: Call, sent: Sent) -> Answer:
    """Change the texts; who does is an author and cannot sign."""
    body: FilesBody = sent.body
    texts = {(each.pack, each.file): each.text for each in body.files}
    draft_id = call.params["draft_id"]
    view = edit_draft(call.site, call.act(), draft_id, texts, expected=body.expected_version)
    return Answer(plain_json(view.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/edits",
    summary="Set, add or remove single values in a file of a draft; all other lines stay",
    answer="DraftEdit",
    body=EditsBody,
)
def edit_values(call: Call, sent: Sent) -> Answer:
    """Edit values in place; the answer says what the check finds afterwards."""
    body: EditsBody = sent.body
    edits = [Edit(each.path, each.operation, each.value) for each in body.edits]
    place, draft_id = (body.pack, body.file), call.params["draft_id"]
    found = edit_file(
        call.site, call.act(), draft_id, place, edits=edits, expected=body.expected_version
    )
    return Answer(plain_json(found.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/mappings",
    summary="Say where running records go whose state the draft removes",
    answer="Draft",
    body=MappingsBody,
)
def mappings(call: Call, sent: Sent) -> Answer:
    """Set the mappings."""
    found = set_mappings(call.site, call.act(), call.params["draft_id"], sent.body.mappings)
    return Answer(plain_json(found.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/propose",
    summary="Stand for a draft; another person signs it",
    answer="Draft",
    body=ReasonedBody,
)
def propose(call: Call, sent: Sent) -> Answer:
    """Propose a draft."""
    found = propose_draft(call.site, call.act(), call.params["draft_id"], reason=sent.body.reason)
    return Answer(plain_json(found.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/rebase",
    summary="Carry a draft over to the version that serves now",
    answer="Draft",
)
def rebase(call: Call, _: Sent) -> Answer:
    """Rebase a draft."""
    found = rebase_draft(call.site, call.act(), call.params["draft_id"])
    return Answer(plain_json(found.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/discard",
    summary="Give a draft up",
    answer="Draft",
    body=ReasonedBody,
)
def discard(call: Call, sent: Sent) -> Answer:
    """Discard a draft; it stays readable."""
    found = discard_draft(call.site, call.act(), call.params["draft_id"], reason=sent.body.reason)
    return Answer(plain_json(found.as_json()))


@operation(
    "GET",
    "/config/drafts/{draft_id:str}/report",
    summary="Check, prove, compare and replay a draft",
    answer="DraftReport",
)
def report(call: Call, _: Sent) -> Answer:
    """Give everything a signer is shown."""
    found = check_draft(
        call.site, call.act(), call.params["draft_id"], replays=Replays(WAIT_SECONDS)
    )
    return Answer(plain_json(found.as_json()))


@operation(
    "POST",
    "/config/drafts/{draft_id:str}/publish",
    summary="Sign and publish a draft as its second person",
    answer="ConfigVersion",
    status=201,
    body=PublishBody,
)
def publish(call: Call, sent: Sent) -> Answer:
    """Publish a draft."""
    body: PublishBody = sent.body
    proof = Proof(body.password, body.login, body.code)
    signing = Signing(proof, body.reason, body.expected_version)
    draft_id, replays = call.params["draft_id"], Replays(WAIT_SECONDS)
    view = publish_draft(call.site, call.act(), draft_id, signing, replays=replays)
    where = f"{PREFIX}/config/versions/{view.row.number}"
    return Answer(plain_json(view.as_json(full=True)), 201, where)


@operation(
    "POST",
    "/config/migrations/{workflow:str}",
    summary="Show what becomes of running records of older versions, or move them",
    answer="Migration",
    body=MigrationBody,
)
def migrate(call: Call, sent: Sent) -> Answer:
    """Preview or run a migration."""
    body: MigrationBody = sent.body
    asked = StateMapping(call.params["workflow"], body.states, body.fields, body.reason)
    act = run_migration if body.run else preview_migration
    return Answer(plain_json(act(call.site, call.act(), asked).as_json()))


@operation(
    "GET",
    "/config/replay",
    summary="Run recorded decisions again, by their own versions or by a draft",
    answer="Replay",
    query=ReplayQuery,
)
def show_replay(call: Call, sent: Sent) -> Answer:
    """Replay; nothing is written."""
    asked: ReplayQuery = sent.query
    require(call.site, call.act(), "definition.read")
    drafted = None
    if asked.draft:
        drafted = check_draft(call.site, call.act(), asked.draft, replays=None).registry
        if drafted is None:
            raise NotFound("the draft does not compile; see its report")
    gate = "" if asked.workflow else GATE
    scope = Scope(asked.workflow, gate, asked.limit, open_lots=bool(gate and drafted))
    return Answer(plain_json(replay(call.site, scope, drafted).as_json()))


def _made(view: DraftView) -> Answer:
    where = f"{PREFIX}/config/drafts/{view.row.uid}"
    return Answer(plain_json(view.as_json()), 201, where)


def _number(call: Call) -> int:
    text = call.params["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > 8:
        raise NotFound(f"there is no configuration version {text!r}; give a number")
    return int(text)


ROUTES = (
    show,
    versions,
    version,
    differences,
    rollback,
    make,
    draft,
    file,
    edit,
    edit_values,
    mappings,
    propose,
    rebase,
    discard,
    report,
    publish,
    migrate,
    show_replay,
)
