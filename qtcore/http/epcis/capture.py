"""Capture: documents become jobs, single events become resources.

It must not know how events are stored.
"""

import zlib
from typing import Any
from urllib.parse import quote

from qtcore.builtin.epcis.reading import is_xml
from qtcore.errors import Conflict, Fault, InputRejected
from qtcore.http.epcis.doors import PREFIX, XML_TYPES, Asked, Reply, body_kind, door
from qtcore.http.epcis.paging import page_size, page_token, with_link
from qtcore.http.epcis.problems import fault_json
from qtcore.http.problems import WebRefusal
from qtcore.services.epcis_capture import CaptureJob, capture, get_job, list_jobs

_HEAD, _PACKED_HEAD = 64, 4096
_BEHAVIOURS = ("rollback", "proceed")


@door("POST", "/capture")
def capture_document(asked: Asked) -> Reply:
    """Capture a document; answers 202 with the job, or 400 with every fault and nothing stored."""
    behaviour = asked.headers.get("gs1-capture-error-behaviour", "").strip() or "rollback"
    if behaviour not in _BEHAVIOURS:
        text = f"GS1-Capture-Error-Behaviour {behaviour[:40]!r} is none of rollback, proceed"
        raise InputRejected(text, [Fault("QT763", text, "GS1-Capture-Error-Behaviour")])
    context = asked.call.act()
    done = capture(asked.call.site, context, _sent(asked), is_proceeding=behaviour == "proceed")
    if done.report.refused and behaviour == "rollback":
        raise _refusal(done.report.problems, done.job_id)
    headers = {"Location": f"{PREFIX}/capture/{done.job_id}",
               "GS1-Capture-Error-Behaviour": behaviour}  # fmt: skip
    return Reply(status=202, headers=headers)


@door("GET", "/capture")
def list_captures(asked: Asked) -> Reply:
    """List capture jobs, the newest first."""
    size = page_size(asked.call)
    jobs = list_jobs(
        asked.call.site, asked.call.act(), before=page_token(asked.call), limit=size + 1
    )
    more = jobs[size - 1].job_id if len(jobs) > size else ""
    return Reply([_as_json(job) for job in jobs[:size]], headers=with_link(asked.call, more))


@door("GET", "/capture/{capture_id:str}")
def show_capture(asked: Asked) -> Reply:
    """Show what became of a capture."""
    job = get_job(asked.call.site, asked.call.act(), asked.call.params["capture_id"])
    return Reply(_as_json(job))


@door("POST", "/events")
def capture_event(asked: Asked) -> Reply:
    """Capture one event; answers 201 with its address."""
    done = capture(asked.call.site, asked.call.act(), _sent(asked), is_single=True)
    if done.report.refused:
        problems = done.report.problems
        if all(problem.code == "QT708" for problem in problems):
            raise Conflict(problems[0].message, code="QT708")
        raise _refusal(problems, done.job_id)
    return Reply(status=201, headers={"Location": event_address(done.event_ids[0])})


def event_address(event_id: str) -> str:
    """Give the address of an event, its id escaped."""
    return f"{PREFIX}/events/{quote(event_id, safe='')}"


def _sent(asked: Asked) -> tuple[str, bytes]:
    """Give what was sent, still packed; its notation must be the one its content type tells."""
    kind, body = body_kind(asked), asked.call.body
    coding = asked.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        text = f"Content-Encoding {coding[:20]!r} is not taken; send gzip, or plain"
        raise WebRefusal(text, 415, code="QT418")
    if coding == "identity" and body.startswith(b"\x1f\x8b"):
        text = "the body is gzip; say so in Content-Encoding"
        raise WebRefusal(text, 415, code="QT418")
    if not body:
        raise InputRejected("the body is empty; send an EPCIS document", code="QT700")
    told, found = ("XML" if is_it else "JSON" for is_it in (kind in XML_TYPES, is_xml(_head(body))))
    if told != found:
        text = f"the content type {kind!r} says {told}, the body is {found}; send it as what it is"
        raise InputRejected(text, code="QT700")
    return ("capture.xml" if told == "XML" else "capture.jsonld"), body


def _head(body: bytes) -> bytes:
    """Give how the body begins, unpacked; what cannot be unpacked is told when it is read."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:_HEAD]
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body[:_PACKED_HEAD], _HEAD)
    except zlib.error:
        return b""


def _refusal(problems: tuple[Fault, ...], job_id: str) -> InputRejected:
    faults = [Fault(p.code, p.message, p.where.partition("#")[2] or p.where) for p in problems]
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    text = f"the document has {count}; nothing of it is stored (job {job_id})"
    return InputRejected(text, faults, code=faults[0].code if faults else "QT700")


def _as_json(job: CaptureJob) -> dict[str, Any]:
    finished = {"finishedAt": job.finished_at.isoformat()} if job.finished_at else {}
    return {
        "captureID": job.job_id,
        "createdAt": job.created_at.isoformat(),
        **finished,
        "running": job.finished_at is None,
        "success": job.is_success,
        "captureErrorBehaviour": "proceed" if job.is_proceeding else "rollback",
        "errors": [fault_json(fault) for fault in job.errors],
    }


ROUTES = (capture_document, list_captures, show_capture, capture_event)
