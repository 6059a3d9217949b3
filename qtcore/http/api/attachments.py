"""Files in the API: attached to a record or event, listed, described, and given back.

It must not know what a file may hold.
"""

import base64
import binascii
from typing import Annotated

from pydantic import StringConstraints

from qtcore.errors import Fault, InputRejected, NotFound
from qtcore.http.api.operations import PREFIX, Sent, operation
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.idempotency import Answer
from qtcore.http.json_body import Input
from qtcore.http.settings import MAX_UPLOAD
from qtcore.services.attachments import (
    Owner,
    attach_file,
    attachment_json,
    list_attachments,
    read_attachment,
    read_file,
)
from qtcore.services.record_views import read_record
from qtcore.services.uploads import Upload


class AttachmentBody(Input):
    """A file: its name, and its bytes in base64 (RFC 4648, with padding)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    content: Annotated[str, StringConstraints(min_length=1, max_length=MAX_UPLOAD)]


@operation(
    "POST",
    "/records/{kind:str}/{record_id:str}/attachments",
    summary="Attach a file to a record; it gets a new revision",
    answer="Attachment",
    status=201,
    body=AttachmentBody,
)
def add_to_record(call: Call, sent: Sent) -> Answer:
    """Attach a file to a record."""
    return _attach(call, _record(call), sent.body)


@operation(
    "GET",
    "/records/{kind:str}/{record_id:str}/attachments",
    summary="List the files of a record",
    answer="AttachmentList",
)
def list_of_record(call: Call, _: Sent) -> Answer:
    """List the files of a record."""
    return _list(call, _record(call))


@operation(
    "POST",
    "/events/{event_id:str}/attachments",
    summary="Attach a file to an event",
    answer="Attachment",
    status=201,
    body=AttachmentBody,
)
def add_to_event(call: Call, sent: Sent) -> Answer:
    """Attach a file to an event."""
    return _attach(call, Owner("event", call.params["event_id"]), sent.body)


@operation(
    "GET",
    "/events/{event_id:str}/attachments",
    summary="List the files of an event",
    answer="AttachmentList",
)
def list_of_event(call: Call, _: Sent) -> Answer:
    """List the files of an event."""
    return _list(call, Owner("event", call.params["event_id"]))


@operation(
    "GET",
    "/attachments/{attachment_id:str}",
    summary="Describe a file: name, size, hashes, who attached it",
    answer="Attachment",
)
def show(call: Call, _: Sent) -> Answer:
    """Describe a file."""
    row = read_attachment(call.site, call.act(), call.params["attachment_id"])
    return Answer(attachment_json(row))


@operation(
    "GET",
    "/attachments/{attachment_id:str}/content",
    summary="Give the bytes of a file, to be saved",
    answer="",
)
def content(call: Call, _: Sent) -> Download:
    """Give the bytes of a file."""
    file = read_file(call.site, call.act(), call.params["attachment_id"])
    return Download(file.row.name, file.content, file.row.media_type)


def _record(call: Call) -> Owner:
    record = read_record(call.site, call.act(), call.params["record_id"]).record
    if record.kind != call.params["kind"]:
        raise NotFound(f"{record.number} is a {record.kind}, not a {call.params['kind']!r}")
    return Owner("record", record.uid)


def _attach(call: Call, owner: Owner, body: AttachmentBody) -> Answer:
    try:
        sent = base64.b64decode(body.content, validate=True)
    except (binascii.Error, ValueError) as error:
        text = f"'content' is not base64: {error}"
        raise InputRejected(text, [Fault("QT411", text, "/content")]) from error
    row = attach_file(call.site, call.act(), owner, Upload(body.name, sent))
    return Answer(attachment_json(row), 201, f"{PREFIX}/attachments/{row.uid}")


def _list(call: Call, owner: Owner) -> Answer:
    rows = list_attachments(call.site, call.act(), owner)
    return Answer({"items": [attachment_json(row) for row in rows]})


ROUTES = (add_to_record, list_of_record, add_to_event, list_of_event, show, content)
