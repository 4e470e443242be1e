"""The clinician pages as a FastAPI application: routes, sessions and headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import resources

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig

import sql
from balise import telemetry
from balise.settings import Settings
from balise.whole import whole
from care.opening import opening
from care.web import (
    access,
    admit,
    consent,
    early_warning,
    emergency,
    enrolment,
    evidence,
    fhir,
    fhir_team,
    helpers,
    identity,
    looked,
    messages,
    ops,
    outside,
    passkeys,
    patients,
    plans,
    rules,
    sign_in,
    sources,
    trouble,
)
from care.web.pace import Pace
from care.web.trouble import headed
from care.web.visit import AT_ONCE, Connection, language
from care.web.words import words

# FastAPI's own would tell paths, which name patients, and what exceptions say.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


_BODY_BYTES = 256 * 1024
"""The longest form, a plan with notes, is a tenth of it."""


def create_app(settings: Settings) -> FastAPI:
    """Return the application."""
    app = FastAPI(
        title="Balise", docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY
    )
    app.state.settings = settings
    app.state.pace = Pace()
    app.state.turns = asyncio.Semaphore(AT_ONCE)
    app.state.opening = opening(settings.opening, settings.time_zone)
    app.mount(
        "/static", StaticFiles(directory=str(resources.files("care.web") / "static")), "static"
    )
    app.middleware("http")(_traced)
    # No page has a secret in it that its length could tell; a slow line is slow for everybody.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    trouble.answer(app)
    _add_health(app)
    app.include_router(sign_in.router)
    app.include_router(outside.router)
    app.include_router(passkeys.entrance)
    app.include_router(passkeys.own)
    app.include_router(admit.router)
    app.include_router(emergency.router)
    app.include_router(identity.router)
    app.include_router(identity.of_one)
    app.include_router(consent.router)
    app.include_router(patients.listed)
    app.include_router(patients.router)
    app.include_router(evidence.router)
    app.include_router(access.router)
    app.include_router(helpers.own)
    app.include_router(helpers.router)
    app.include_router(enrolment.router)
    app.include_router(ops.router)
    app.include_router(rules.router)
    app.include_router(sources.router)
    app.include_router(plans.router)
    app.include_router(early_warning.router)
    app.include_router(messages.router)
    app.include_router(looked.router)
    app.include_router(looked.of_one)
    app.include_router(fhir.router)
    app.include_router(fhir_team.router)
    return app


async def _traced(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Time an answer by its route: a path names a patient. In one layer: each costs every page."""
    with telemetry.span(request.method) as span:
        response = await _guard(request, call_next)
        route = getattr(request.scope.get("route"), "path", "")
        span.update_name(f"{request.method} {route}".rstrip())
        span.set_attribute("http.response.status_code", response.status_code)
    return response


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse posts that another site makes, and give every answer its headers."""
    origin = request.headers.get("origin")
    said = words(language(request))
    if not _fits(request):
        response: Response = PlainTextResponse(said("too_large.text"), status_code=413)
    elif request.method == "POST" and origin not in {None, str(request.base_url).rstrip("/")}:
        response = PlainTextResponse(said("refused_form.text"), status_code=403)
    else:
        response = await call_next(request)
    headed(request, response)
    if request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _fits(request: Request) -> bool:
    """Say whether a body is small and tells how long it is: what doesn't may have no end.

    It would be read before it is known who sends it.
    """
    told = "transfer-encoding" not in request.headers
    return told and whole(request.headers.get("content-length", "0"), _BODY_BYTES + 1) is not None


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz")
    def alive() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    def ready(connection: Connection) -> PlainTextResponse:
        connection.execute(sql.get("web.ready"))
        return PlainTextResponse("ok\n")
