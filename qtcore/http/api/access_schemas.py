"""What the API answers about people: users, sessions, tokens, devices.

It must not know routes.
"""

from collections.abc import Mapping

from qtcore.http.api.schema_words import (
    FLAG,
    MAYBE,
    TEXT,
    TEXTS,
    WORDS,
    Schema,
    list_of,
    make_object,
    ref,
)

_USER = {
    "user_id": TEXT,
    "login": TEXT,
    "name": TEXT,
    "email": TEXT,
    "language": TEXT,
    "state": {"enum": ["active", "disabled"]},
    "roles": TEXTS,
    "site_roles": list_of(make_object({"site": TEXT, "role": TEXT})),
    "is_locked": FLAG,
    "has_password": FLAG,
    "seen_at": MAYBE,
}
_SESSION = {
    "session_id": TEXT,
    "login": TEXT,
    "device": TEXT,
    "ip": TEXT,
    "created_at": TEXT,
    "seen_at": TEXT,
    "expires_at": TEXT,
    "is_this": FLAG,
}
_TOKEN = {
    "token_id": TEXT,
    "login": TEXT,
    "name": TEXT,
    "scope": TEXTS,
    "site": TEXT,
    "created_at": TEXT,
    "expires_at": MAYBE,
    "revoked_at": MAYBE,
    "used_at": MAYBE,
    "used_from": TEXT,
}
_IDENTITY = {
    "link_id": TEXT,
    "provider": TEXT,
    "issuer": TEXT,
    "subject": TEXT,
    "follows_roles": FLAG,
    "linked_at": TEXT,
    "linked_by": TEXT,
}
_CALIBRATION = {
    "calibration_id": TEXT,
    "done_on": TEXT,
    "valid_until": TEXT,
    "is_passed": FLAG,
    "evidence": TEXT,
    "recorded_at": TEXT,
    "recorded_by": TEXT,
}
_DEVICE = {
    "device_id": TEXT,
    "code": TEXT,
    "name": TEXT,
    "kind": TEXT,
    "site": TEXT,
    "serial_no": TEXT,
    "state": {"enum": ["active", "retired"]},
    "every_days": {"type": ["integer", "null"]},
    "due_on": MAYBE,
    "is_fit": FLAG,
    "why": TEXT,
    "why_parts": WORDS,
    "registered_at": TEXT,
    "registered_by": TEXT,
}

ACCESS: Mapping[str, Schema] = {
    "User": make_object(_USER),
    "UserList": make_object({"items": list_of(ref("User"))}),
    "CredentialLink": make_object({"login": TEXT, "path": TEXT}),
    "Identity": make_object(_IDENTITY),
    "IdentityList": make_object({"items": list_of(ref("Identity"))}),
    "Device": make_object({**_DEVICE, "calibrations": list_of(make_object(_CALIBRATION))}),
    "DeviceList": make_object({"items": list_of(make_object(_DEVICE))}),
    "SessionLine": make_object(_SESSION),
    "SessionList": make_object({"items": list_of(ref("SessionLine"))}),
    "TokenLine": make_object(_TOKEN),
    "TokenList": make_object({"items": list_of(ref("TokenLine"))}),
    "NewToken": make_object({**_TOKEN, "token": TEXT}),
    "Ended": make_object({"ended": TEXT}),
}
