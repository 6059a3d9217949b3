"""What the API answers about delegations, messages and printed documents, as JSON Schema.

It must not know routes.
"""

from collections.abc import Mapping
from typing import Final

from qtcore.http.api.schema_words import (
    ANY_OBJECT,
    COUNT,
    MAYBE,
    TEXT,
    TEXTS,
    Schema,
    list_of,
    make_object,
    ref,
)

_DELEGATION = {
    "delegation_id": TEXT,
    "principal": TEXT,
    "delegate": TEXT,
    "from": TEXT,
    "to": TEXT,
    "roles": TEXTS,
    "actions": TEXTS,
    "reason": TEXT,
    "made_by": TEXT,
    "revoked_at": MAYBE,
    "revoked_by": TEXT,
    "revoke_reason": TEXT,
    "signatures": list_of(ANY_OBJECT),
}

OFFICE: Final[Mapping[str, Schema]] = {
    "Message": make_object(
        {
            "notification_id": TEXT,
            "role": TEXT,
            "kind": TEXT,
            "about": TEXT,
            "name": TEXT,
            "words": TEXT,
            "created_at": TEXT,
            "read_at": MAYBE,
        }
    ),
    "MessageList": make_object({"items": list_of(ref("Message")), "unread": COUNT}),
    "MessagesRead": make_object({"read": COUNT}),
    "DocumentList": make_object(
        {
            "items": list_of(
                make_object({"document": TEXT, "subject": TEXT, "title": TEXT, "pack": TEXT})
            )
        }
    ),
    "Document": make_object(
        {
            "document": TEXT,
            "title": TEXT,
            "subject_id": TEXT,
            "language": TEXT,
            "fingerprint": TEXT,
            "configuration": COUNT,
            "ledger": ANY_OBJECT,
            "printed_at": TEXT,
            "printed_by": TEXT,
            "html": TEXT,
        }
    ),
    "Delegation": make_object(_DELEGATION),
    "DelegationList": make_object({"items": list_of(ref("Delegation"))}),
}
