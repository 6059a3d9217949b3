"""What the API answers about configurations: versions, drafts, replays, as JSON Schema.

It must not know routes; a test compares real answers with these.
"""

from collections.abc import Mapping
from typing import Final

from qtcore.http.api.schema_words import ANY_OBJECT, COUNT, FLAG, MAYBE, TEXT, TEXTS, Schema
from qtcore.http.api.schema_words import list_of as _list
from qtcore.http.api.schema_words import make_object as _object
from qtcore.http.api.schema_words import ref as _ref

CONFIG: Final[Mapping[str, Schema]] = {
    "Config": _object(
        {"serving": _ref("ConfigVersion"), "pending": ANY_OBJECT, "drafts": _list(_ref("Draft"))}
    ),
    "ConfigVersions": _object({"versions": _list(_ref("ConfigVersion"))}),
    "ConfigVersion": _object(
        {
            "number": COUNT,
            "version_id": TEXT,
            "base": COUNT,
            "origin": {"enum": ["initial", "publication", "rollback"]},
            "title": TEXT,
            "reason": TEXT,
            "published_by": TEXT,
            "published_at": TEXT,
            "content_sha256": TEXT,
            "fingerprint": TEXT,
            "signature_id": MAYBE,
            "authors": TEXTS,
            "packs": _list(ANY_OBJECT),
        },
        report=ANY_OBJECT,
    ),
    "Differences": _object({"differences": _list(ANY_OBJECT)}),
    "Draft": _object(
        {
            "draft_id": TEXT,
            "base": COUNT,
            "origin": {"enum": ["disk", "edit", "rollback"]},
            "state": {"enum": ["open", "published", "discarded"]},
            "version": COUNT,
            "authors": TEXTS,
            "mappings": ANY_OBJECT,
            "files": _list(_object({"pack": TEXT, "file": TEXT, "change": TEXT})),
        },
        texts=_list(ANY_OBJECT),
    ),
    "DraftFile": _object({"pack": TEXT, "file": TEXT, "text": TEXT}),
    "DraftEdit": _object(
        {
            "draft": _ref("Draft"),
            "pack": TEXT,
            "file": TEXT,
            "text": TEXT,
            "changes": _list(_object({"line": COUNT, "removed": TEXTS, "added": TEXTS})),
            "ok": FLAG,
            "problems": _list(ANY_OBJECT),
        }
    ),
    "DraftReport": _object(
        {
            "draft": _ref("Draft"),
            "fingerprint": TEXT,
            "ok": FLAG,
            "problems": _list(ANY_OBJECT),
            "proofs": ANY_OBJECT,
            "differences": _list(ANY_OBJECT),
            "stranded": _list(ANY_OBJECT),
            "replay": {"type": ["object", "null"]},
            "replaying": {"type": ["object", "null"]},
        }
    ),
    "Migration": _object(
        {
            "workflow": TEXT,
            "to_version": COUNT,
            "states": ANY_OBJECT,
            "run": FLAG,
            "counts": ANY_OBJECT,
            "moves": _list(ANY_OBJECT),
        }
    ),
    "Replay": _object(
        {
            "draft": FLAG,
            "counts": ANY_OBJECT,
            "decisions": COUNT,
            "reproduced": COUNT,
            "left_out": COUNT,
            "stranded": _list(ANY_OBJECT),
            "notes": TEXTS,
            "lines": _list(ANY_OBJECT),
        }
    ),
}
