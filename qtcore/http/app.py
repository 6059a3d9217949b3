"""Wires the application: routes, gate, error answers, static files.

It must not know what any route does.
"""

import traceback
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

from qtcore.errors import QTCoreError
from qtcore.http.api.routes import api_routes
from qtcore.http.logs import make_logger
from qtcore.http.pages.routes import page_routes
from qtcore.http.problems import MEDIA_TYPE, is_unexpected, problem_of
from qtcore.http.rendering import make_templates, render_problem
from qtcore.http.security import Gate
from qtcore.http.settings import Settings
from qtcore.http.texts import choose_language, load_texts
from qtcore.services.site import Site

STATIC = Path(__file__).parent / "static"


@get("/healthz", include_in_schema=False, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """Say that the process answers; nothing about the site."""
    return {"status": "ok"}


def make_app(
    site: Site, *, secure_cookies: bool | None = None, dev: bool = False, logger: Any = None
) -> Litestar:
    """Make the application of one site."""
    settings = Settings(
        texts=load_texts(),
        templates=make_templates(dev=dev),
        logger=logger or make_logger(),
        secure_cookies=secure_cookies,
        dev=dev,
    )

    def answer_mistake(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        return render_mistake(settings, request, error)

    app = Litestar(
        route_handlers=[
            healthz,
            *api_routes(),
            *page_routes(),
            create_static_files_router(
                path="/static", directories=[STATIC], include_in_schema=False, name="static"
            ),
        ],
        exception_handlers={
            QTCoreError: answer_mistake,
            HTTPException: answer_mistake,
            Exception: answer_mistake,
        },
        openapi_config=None,
        debug=False,
        logging_config=None,
    )
    # Around the router and not in it, so that unknown addresses pass the gate as well.
    app.asgi_handler = Gate(app.asgi_handler, site, settings)
    return app


def render_mistake(
    settings: Settings, request: Request[Any, Any, Any], error: Exception
) -> Response[bytes]:
    """Answer a mistake: as a problem document to programs, as a page to people."""
    call = request.scope["state"].get("call")
    problem = problem_of(error, call.request_id if call else "")
    if is_unexpected(problem):
        trace = "".join(traceback.format_exception(error))
        settings.logger.error("unexpected", error=type(error).__name__, trace=trace)
    if request.url.path.startswith("/api/v1"):
        return Response(problem.as_bytes(), status_code=problem.status, media_type=MEDIA_TYPE)
    language = call.language if call else choose_language(request.headers.get("accept-language", ""))
    html = render_problem(settings, problem, language, call)
    return Response(
        html.encode(), status_code=problem.status, media_type="text/html"
    )
