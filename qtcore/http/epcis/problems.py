"""Mistakes as the standard names them: RFC 9457 with its own exception types.

It must not know what went wrong beyond status and code.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from qtcore.errors import Fault
from qtcore.http.problems import Problem

_BY_CODE: Final[Mapping[str, str]] = {
    "QT760": "QueryParameterException",
    "QT761": "QueryParameterException",
    "QT762": "QueryTooLargeException",
    "QT763": "NotAcceptableException",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    405: "UnsupportedOperationException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
    415: "UnsupportedMediaTypeException",
    501: "NotImplementedException",
}


def problem_bytes(problem: Problem) -> bytes:
    """Write a problem for a program that speaks the standard; our own members stand beside."""
    name = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status, "ImplementationException")
    told = {**problem.as_json(), "type": f"epcisException:{name}"}
    if problem.faults:
        told["errors"] = [fault_json(fault) for fault in problem.faults]
    return json.dumps(told, ensure_ascii=False).encode()


def fault_json(fault: Fault) -> dict[str, Any]:
    """Write one fault of a document as a problem of its own."""
    return {
        "type": "epcisException:ValidationException",
        "title": "The event cannot be accepted",
        "status": 400,
        "detail": fault.message,
        "code": fault.code,
        "where": fault.where.partition("#")[2] or fault.where,
    }
