"""Single edits of a file in a draft: the edited lines change, every other sign stays.

It must not know how a text is edited, nor publish anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qtcore.context import Context
from qtcore.definitions.edit import Edit, edit_text
from qtcore.definitions.problems import suggest
from qtcore.definitions.source import read_yaml
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.registry.stored import Configuration
from qtcore.services.draft_reports import DraftReport, check_draft
from qtcore.services.drafts import EDIT, DraftView, edit_draft, read_draft
from qtcore.services.rights import require
from qtcore.services.site import Site

MOST_EDITS = 50


@dataclass(frozen=True, slots=True)
class Hunk:
    """What one edit did: `line` counts from 1 in the text as it was before this edit."""

    line: int
    removed: tuple[str, ...]
    added: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {"line": self.line, "removed": list(self.removed), "added": list(self.added)}


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file after its edits, what they changed, and what the check says of the draft now."""

    pack: str
    file: str
    text: str
    changes: tuple[Hunk, ...]
    report: DraftReport

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "draft": self.report.draft.as_json(),
            "pack": self.pack,
            "file": self.file,
            "text": self.text,
            "changes": [hunk.as_json() for hunk in self.changes],
            "ok": self.report.is_sound,
            "problems": [problem.as_json() for problem in self.report.problems],
        }


def edit_file(
    site: Site,
    context: Context,
    draft_id: str,
    place: tuple[str, str],
    *,
    edits: Sequence[Edit],
    expected: int | None = None,
) -> EditedFile:
    """Make edits, one after the other, in the file `place` = (pack, file) of a draft; all or none.

    The draft is checked again afterwards: an edit that leaves it with problems is kept, as a
    draft may be, and the answer names them. Raises InputRejected when an edit leads nowhere,
    NotFound when the draft or file is not there, Conflict when somebody was faster.
    """
    require(site, context, EDIT, about=draft_id)
    if not 0 < len(edits) <= MOST_EDITS:
        text = f"{len(edits)} edits were given; accepted are 1 to {MOST_EDITS} in one go"
        raise InputRejected(text, [Fault("QT411", text, "edits")])
    view = read_draft(site, context, draft_id)
    seen = view.row.version
    if expected not in (None, seen):
        raise Conflict(
            f"draft {view.row.uid} is at version {seen}, you saw {expected}; read it again"
        )
    text = _text_of(view, *place)
    changes = []
    for edit in edits:
        after = edit_text(text, edit, file="/".join(place))
        changes += _hunks(text, after)
        text = after
    # The version that was read is the one that may be replaced, whatever the caller had seen.
    edit_draft(site, context, view.row.uid, {place: text}, expected=seen)
    report = check_draft(site, context, view.row.uid, replays=None)
    return EditedFile(*place, text, tuple(changes), report)


def read_assignment(text: str) -> tuple[str, Any]:
    """Read PATH=VALUE; the value is one line of YAML as it would stand in the file."""
    path, sign, written = text.partition("=")
    if not path.strip() or not sign:
        raise InputRejected(
            f"{text!r} is no edit; write PATH=VALUE, as in rules[R-1].severity=warn"
        )
    read = read_yaml(f"value: {written.strip()}\n", "")
    errors = [problem for problem in read.problems if problem.severity == "error"]
    if errors or not isinstance(read.value, dict) or list(read.value) != ["value"]:
        why = errors[0].message if errors else "it is more than one value"
        raise InputRejected(f"the value of {path.strip()!r} cannot be read: {why}; quote it")
    return path.strip(), read.value["value"]


def find_place(configuration: Configuration, named: str) -> tuple[str, str]:
    """Read PACK/FILE, such as food/rules/release.yaml; raises NotFound naming what is near."""
    places = [(pack.name, file) for pack in configuration.packs for file in pack.files]
    pack, _, file = named.partition("/")
    if (pack, file) in places:
        return pack, file
    known = ["/".join(place) for place in places]
    raise NotFound(f"the draft has no file {named!r}{_hint(named, known)}")


def _text_of(view: DraftView, name: str, file: str) -> str:
    pack = view.configuration.find(name)
    if pack is None:
        known = [each.name for each in view.configuration.packs]
        raise NotFound(f"the draft has no pack {name!r}{_hint(name, known)}")
    if file not in pack.files:
        raise NotFound(f"pack {name!r} has no file {file!r}{_hint(file, list(pack.files))}")
    if not file.endswith(".yaml"):
        text = f"{file!r} is no .yaml file; send its whole text instead"
        raise InputRejected(text, [Fault("QT411", text, "file")])
    return pack.files[file]


def _hint(name: str, known: Sequence[str]) -> str:
    near = suggest(name, known)
    said = f" (did you mean {near!r}?)" if near else ""
    more = ", ..." if len(known) > 20 else ""
    return f"; there are: {', '.join(sorted(known)[:20])}{more}{said}"


def _hunks(before: str, after: str) -> list[Hunk]:
    """Name the lines one edit changed: all between the common beginning and the common end."""
    old, new = before.split("\n"), after.split("\n")
    head, least = 0, min(len(old), len(new))
    while head < least and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    removed, added = old[head : len(old) - tail], new[head : len(new) - tail]
    return [Hunk(head + 1, tuple(removed), tuple(added))] if removed or added else []
