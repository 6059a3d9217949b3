"""Wires the application: routes, gate, error answers, static files.

It must not know what any route does.
"""

from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from qtcore.errors import QTCoreError
from qtcore.http.api.routes import api_routes
from qtcore.http.call import Call
from qtcore.http.epcis.problems import problem_bytes
from qtcore.http.epcis.routes import epcis_routes
from qtcore.http.logs import make_logger
from qtcore.http.methods import read_methods
from qtcore.http.pages.routes import page_routes
from qtcore.http.problems import MEDIA_TYPE, Problem, log_failure, problem_of
from qtcore.http.rates import RateRules, Rates
from qtcore.http.rendering import make_templates, render_problem
from qtcore.http.security import Gate
from qtcore.http.settings import Settings
from qtcore.http.texts import choose_language, load_texts
from qtcore.services.disk_watch import DiskWatch
from qtcore.services.sealing import read_sealing
from qtcore.services.serving import Serving
from qtcore.services.site import Site

STATIC = Path(__file__).parent / "static"


def make_app(
    site: Site | Serving,
    *,
    secure_cookies: bool | None = None,
    dev: bool = False,
    proxies: int = 0,
    disk: DiskWatch | None = None,
    logger: Any = None,
    rates: RateRules | None = None,
) -> Litestar:
    """Make the application of one site, which follows what is published, or in `dev` the disk."""
    serving = site if isinstance(site, Serving) else Serving(site)
    settings = Settings(
        texts=load_texts(),
        templates=make_templates(dev=dev),
        logger=logger or make_logger(),
        secure_cookies=secure_cookies,
        dev=dev,
        proxies=proxies,
        disk=disk,
        rates=Rates(rates or RateRules()),
    )

    def answer_mistake(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        return render_mistake(settings, request, error)

    @get("/healthz", include_in_schema=False, sync_to_thread=True)
    def healthz() -> dict[str, object]:
        """Say that the process answers and how far the history is sealed, no more."""
        return health_of(serving.now())

    app = Litestar(
        route_handlers=[
            healthz,
            *api_routes(),
            *epcis_routes(),
            *page_routes(),
            create_static_files_router(
                path="/static",
                directories=[STATIC],
                cache_control=CacheControlHeader(max_age=300),
                include_in_schema=False,
                name="static",
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
    app.asgi_handler = _fence(
        Gate(app.asgi_handler, serving, settings, read_methods(app.routes)), settings
    )
    return app


def health_of(site: Site) -> dict[str, object]:
    """Give the health of a site: ``ok``, ``late`` when sealing lags, ``read-only`` when fenced."""
    state = read_sealing(site)
    status = "read-only" if state.fence else "late" if state.is_late else "ok"
    shown = state.as_json()
    return {
        "status": status,
        **{name: shown[name] for name in ("pending", "lag_seconds", "alarm")},
    }


def _fence(gate: ASGIApp, settings: Settings) -> ASGIApp:
    """Answer a failure of the gate itself, such as a database that cannot be read."""

    async def fenced(scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def watched(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await gate(scope, receive, watched)
        except Exception as error:
            problem = problem_of(error, "")
            log_failure(settings.logger, error, problem)
            if is_started:
                raise
            head = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": problem.status, "headers": head})
            await send(
                {"type": "http.response.body", "body": problem.as_bytes(), "more_body": False}
            )

    return fenced


def render_mistake(
    settings: Settings, request: Request[Any, Any, Any], error: Exception
) -> Response[bytes]:
    """Answer a mistake: as a problem document to programs, as a page to people."""
    call = request.scope["state"].get("call")
    problem = problem_of(error, call.request_id if call else "")
    log_failure(settings.logger, error, problem)
    media_type = MEDIA_TYPE
    if request.url.path.startswith("/api/v1"):
        told = problem.as_bytes()
    elif request.url.path.startswith("/epcis"):
        told = problem_bytes(problem)
    else:
        told, media_type = _page_of(settings, request, problem, call), "text/html"
    return Response(
        told, status_code=problem.status, headers=problem.headers, media_type=media_type
    )


def _page_of(
    settings: Settings, request: Request[Any, Any, Any], problem: Problem, call: Call | None
) -> bytes:
    language = (
        call.language if call else choose_language(request.headers.get("accept-language", ""))
    )
    return render_problem(settings, problem, language, call).encode()
