"""A route of the API: what it takes, what it answers, and how it is run.

It must not know any one route. The same declaration checks the request and writes the OpenAPI page,
so that the page cannot say something else than the code does.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import anyio
import orjson
from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from pydantic import BaseModel

from qtcore.errors import Fault, InputRejected, NotFound, QTCoreError
from qtcore.http.call import Call, call_of
from qtcore.http.downloads import Download, render_download
from qtcore.http.idempotency import Answer, answer_once
from qtcore.http.json_body import Input, check_model, read_model

PREFIX = "/api/v1"
_LIKE_JSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


class NoInput(Input):
    """Nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request sent, checked: `query` and `body` are instances of the declared models."""

    query: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """The declaration of a route; `answer` names a schema of `qtcore.http.api.schemas`.

    `also` is a second status with the same answer.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: str
    status: int
    query: type[Input]
    body: type[Input] | None
    also: int | None


Run = Callable[[Call, Sent], Answer | Download]


def operation(
    method: str,
    path: str,
    *,
    summary: str,
    answer: str,
    status: int = 200,
    query: type[Input] = NoInput,
    body: type[Input] | None = None,
    also: int | None = None,
) -> Callable[[Run], HTTPRouteHandler]:
    """Declare a route; the function below gets the call and what was sent, checked."""

    def declare(run: Run) -> HTTPRouteHandler:
        told = Operation(method, path, run.__name__, summary, answer, status, query, body, also)

        def reply(call: Call) -> Response[bytes]:
            sent = Sent(_read_query(call, query), _read_body(call, body))
            try:
                if method == "GET":
                    return _render(run(call, sent))
                return render_answer(answer_once(call, lambda: _written(run(call, sent))))
            except NotFound as error:
                raise _not_named(call, error) from error

        async def endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
            return await anyio.to_thread.run_sync(reply, call_of(request))

        return HTTPRouteHandler(
            PREFIX + path,
            http_method=HttpMethod(method),
            name=f"api {method} {path}",
            opt={"operation": told},
            include_in_schema=False,
            status_code=status,
        )(endpoint)

    return declare


def _not_named(call: Call, error: NotFound) -> QTCoreError:
    """Tell what the address names (404) from what a query or body names: a wrong value (400)."""
    if any(value and value in error.message for value in call.params.values()):
        return error
    return InputRejected(error.message, [Fault(error.code, error.message)], code=error.code)


def _written(answer: Answer | Download) -> Answer:
    """Give the answer of a write, which can be kept and given again; a file cannot."""
    if isinstance(answer, Download):
        raise TypeError("a write answers data, not a file")
    return answer


def _render(answer: Answer | Download) -> Response[bytes]:
    return render_download(answer) if isinstance(answer, Download) else render_answer(answer)


def render_answer(answer: Answer) -> Response[bytes]:
    """Write an answer as JSON; decimals and times are texts."""
    # A header holds ASCII; a login or a code may be of any letters.
    headers = {"location": quote(answer.location, safe="/?&=%:")} if answer.location else {}
    return Response(
        json_bytes(answer.content),
        status_code=answer.status,
        headers=headers,
        media_type="application/json",
    )


def json_bytes(value: Any) -> bytes:
    """Write a value as JSON; a trace of hundreds of kilobytes is written in a sixth of the time.

    Whole numbers of more than 64 bits, and what is nested deeper than a few hundred levels, orjson
    refuses and the standard library can write.
    """
    try:
        return orjson.dumps(value, default=_plain, option=_LIKE_JSON)
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def plain_json(value: Any) -> Any:
    """Give plain data that JSON can hold, so that a kept answer equals the first one."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _read_query(call: Call, model: type[Input]) -> BaseModel:
    values: dict[str, str] = {}
    faults = []
    for name, given in call.query.items():
        if len(given) > 1:
            text = f"parameter {name!r} is given {len(given)} times; give it once"
            faults.append(Fault("QT411", text, f"/{name}"))
        values[name] = given[0]
    if faults:
        raise InputRejected("the address has parameters that are repeated", faults)
    values.pop("lang", None)
    return check_model(values, model)


def _read_body(call: Call, model: type[Input] | None) -> BaseModel | None:
    if model is None:
        return read_model(call.body, NoInput) if call.body else None
    return read_model(call.body, model)
