"""The OpenAPI document, made of the same declarations that check the requests.

It must not know what any route does.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler, get
from pydantic import BaseModel

from qtcore.definitions.versions import CORE_VERSION
from qtcore.errors import QTCoreError
from qtcore.http.api.operations import PREFIX, Operation
from qtcore.http.api.schemas import SCHEMAS
from qtcore.http.cookies import cookie_name

_TYPED = re.compile(r"\{([a-z_]+):[a-z]+\}")
# Why an operation is refused; each in the one shape of RFC 9457.
_REFUSALS: Mapping[int, str] = {
    400: "What was sent is wrong; every fault is named with its place",
    401: "Nobody is signed in, or the token is wrong",
    403: "The right is missing, or the request comes from another web site",
    404: "What the address names does not exist, or is not visible",
    405: "The address does not take this method; Allow lists those it takes",
    408: "The body did not arrive in time",
    409: "A state, a rule, another person's change or an ambiguous name forbids it",
    413: "The body, or what was asked for, is too large",
    415: "The content type is not application/json",
    429: "Too many requests of this token, person or address; Retry-After says when to go on",
    503: "The database cannot be reached, or is read-only",
}
_WITH_A_BODY = frozenset({408, 413, 415})
_REFUSAL_HEADERS: Mapping[int, tuple[str, str]] = {
    401: ("WWW-Authenticate", "How to sign in"),
    405: ("Allow", "The methods this address takes"),
    429: ("Retry-After", "Seconds to wait"),
}
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gives the same answer, not a second effect. "
    "The answer is kept for 168 hours (QTCORE_ANSWERS_KEPT); a key that is sent later, or whose "
    "answer held a value that was erased, is refused with 409 and QT644, and has no effect",
    "schema": {"type": "string", "maxLength": 200},
}
CSRF_HEADER = {
    "name": "X-CSRF-Token",
    "in": "header",
    "required": False,
    "description": "The token of the page; needed with a session cookie, not with a bearer token",
    "schema": {"type": "string"},
}


def build_openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """Build the document from the declarations of the routes."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = dict(SCHEMAS)
    for each in operations:
        path = PREFIX + _TYPED.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "QTCore",
            "version": CORE_VERSION,
            "description": "Quantities are texts of digits in answers, and best so in requests.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"session": []}, {"session_https": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(is_secure=False)},
                "session_https": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie_name(is_secure=True),
                    "description": "The name of the cookie where the site is served by https",
                },
            },
        },
    }


def _operation(each: Operation, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{each.method.lower()}_{re.sub('[^a-z0-9]+', '_', path[8:]).strip('_')}",
        "summary": each.summary,
        "tags": [path.split("/")[3]],
        "parameters": [*_path_parameters(path), *_query_parameters(each.query)],
        "responses": {
            **{str(status): _answer(each) for status in (each.status, each.also) if status},
            **{str(status): _refusal(status) for status in _refused_by(each, path)},
        },
    }
    if each.method == "POST":
        told["parameters"] += [KEY_HEADER, CSRF_HEADER]
    if each.body is not None:
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(each.body, schemas)}},
        }
    return told


def _answer(each: Operation) -> dict[str, Any]:
    if not each.answer:
        schema: dict[str, Any] = {"type": "string", "format": "binary"}
        return {
            "description": each.summary,
            # The kind of content is that of the file.
            "content": {"*/*": {"schema": schema}},
        }
    schema = {"$ref": f"#/components/schemas/{each.answer}"}
    return {"description": each.summary, "content": {"application/json": {"schema": schema}}}


def _refused_by(each: Operation, path: str) -> list[int]:
    """List the statuses that refuse an operation."""
    return [
        status
        for status in _REFUSALS
        if (each.method == "POST" or status not in _WITH_A_BODY) and (status != 404 or "{" in path)
    ]


def _refusal(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    if status in _REFUSAL_HEADERS:
        name, meaning = _REFUSAL_HEADERS[status]
        told["headers"] = {name: {"description": meaning, "schema": {"type": "string"}}}
    return told


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{([a-z_]+)\}", path)
    ]


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    properties = model.model_json_schema().get("properties", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, each in {**schema.pop("$defs", {}), model.__name__: schema}.items():
        if schemas.setdefault(name, each) != each:
            # One would stand where the other is meant, and no caller could tell.
            raise QTCoreError(f"two different bodies are called {name}; rename one of them")
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def openapi_route(operations: Iterable[Operation]) -> HTTPRouteHandler:
    """Make the route that serves the document; it is made when it is first asked for."""
    document = cache(partial(build_openapi, tuple(operations)))

    @get(f"{PREFIX}/openapi.json", include_in_schema=False, sync_to_thread=True, name="openapi")
    def show(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        return Response(document(), media_type="application/json")

    return show
