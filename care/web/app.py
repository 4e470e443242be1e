"""The clinician pages as a FastAPI application: routes, sessions and headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated, cast

import psycopg
from fastapi import FastAPI, Form, Query, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

import sql
from balise.languages import other
from balise.pages import HEADERS
from balise.settings import Settings
from care.opening import opening
from care.web import (
    accounts,
    early_warning,
    enrolment,
    fhir,
    fhir_team,
    fhir_visit,
    looked,
    messages,
    ops,
    pages,
    plans,
    report,
    rules,
    sources,
)
from care.web.visit import COOKIE, Connection, SignedIn, SignedOut, language, page
from care.web.words import words
from sql.rows import Row

PERIODS = (7, 30, 90)
Start = Annotated[int, Query(ge=0, le=1_000_000)]
CLOSE_REASONS = ("called", "treated", "measured_badly", "no_action")


def create_app(settings: Settings) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="Balise", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.opening = opening(settings.opening, settings.time_zone)
    app.mount(
        "/static", StaticFiles(directory=str(resources.files("care.web") / "static")), "static"
    )
    app.middleware("http")(_guard)
    # No page has a secret in it that its length could tell; a slow line is slow for everybody.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.exception_handler(SignedOut)(_to_sign_in)
    app.exception_handler(404)(_not_found)
    # What no column can hold, such as a NUL or a number past all numbers, is nobody's.
    app.exception_handler(psycopg.DataError)(_not_found)
    _add_health(app)
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
    app.exception_handler(fhir_visit.Refused)(fhir_visit.refuse)
    _add_session(app)
    _add_patients(app)
    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse posts that another site makes, and give every answer its headers."""
    origin = request.headers.get("origin")
    if request.method == "POST" and origin not in {None, str(request.base_url).rstrip("/")}:
        text = words(language(request))("refused_form.text")
        response: Response = PlainTextResponse(text, status_code=403)
    else:
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "public, max-age=3600"
    return response


async def _to_sign_in(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/sign-in", status_code=303)


async def _not_found(request: Request, _error: Exception) -> Response:
    return page(request, "not_found.html", language(request), status=404)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz")
    def alive() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    def ready(connection: Connection) -> PlainTextResponse:
        connection.execute(sql.get("web.ready"))
        return PlainTextResponse("ok\n")


def _add_session(app: FastAPI) -> None:
    @app.get("/sign-in")
    def form(request: Request) -> HTMLResponse:
        return page(request, "sign_in.html", language(request), refused=False)

    @app.post("/sign-in")
    def sign_in(
        request: Request,
        connection: Connection,
        name: Annotated[str, Form()],
        password: Annotated[str, Form()],
    ) -> Response:
        token = accounts.sign_in(connection, name, password)
        if token is None:
            return page(request, "sign_in.html", language(request), status=401, refused=True)
        response = RedirectResponse("/", status_code=303)
        settings = cast("Settings", request.app.state.settings)
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(accounts.SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=settings.web_secure_cookies,
        )
        return response

    @app.post("/sign-out")
    def sign_out(request: Request, connection: Connection) -> Response:
        accounts.sign_out(connection, request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/sign-in", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    @app.post("/language")
    def change_language(
        connection: Connection, account: SignedIn, back: Annotated[str, Form()] = "/"
    ) -> Response:
        accounts.set_language(connection, account.name, other(account.language))
        # Only a path of ours: a form field must not send anybody elsewhere.
        inside = back.startswith("/") and not back.startswith(("//", "/\\"))
        return RedirectResponse(back if inside else "/", status_code=303)


def _patient_page(
    connection: psycopg.Connection, code: str, days: int, now: datetime
) -> pages.PatientPage | None:
    """Return a patient's page over one of the periods, None where there is no such page."""
    found = pages.patient(connection, code) if days in PERIODS else None
    if found is None:
        return None
    return pages.patient_page(connection, found, days=days, now=now)


def _add_patients(app: FastAPI) -> None:
    @app.get("/")
    def worklist(
        request: Request,
        connection: Connection,
        account: SignedIn,
        start: Start = 0,
        name: str = "",
        noted: Annotated[int | None, Query(alias="looked", ge=0)] = None,
    ) -> HTMLResponse:
        now = datetime.now(UTC)
        settings = cast("Settings", request.app.state.settings)
        fresh = pages.freshness(connection, now)
        looks = account.signs and not (fresh.late_since or start or name)
        return page(
            request,
            "worklist.html",
            account.language,
            account=account,
            list=pages.worklist(connection, now, start=start, name=name),
            name=name,
            as_of=now,
            well=pages.well(connection, now) if looks else [],
            noted=noted,
            unseen=pages.unseen(
                connection, now, opening=request.app.state.opening, hours=settings.unseen_hours
            ),
            freshness=fresh,
        )

    @app.get("/patients/{code}")
    def patient(
        request: Request,
        connection: Connection,
        account: SignedIn,
        code: str,
        days: int = 30,
        *,
        untold: bool = False,
    ) -> Response:
        now = datetime.now(UTC)
        shown = _patient_page(connection, code, days, now)
        if shown is None:
            return page(request, "not_found.html", account.language, account=account, status=404)
        found = shown.patient
        since = shown.cells[0].day
        return page(
            request,
            "patient.html",
            account.language,
            account=account,
            as_of=now,
            page=shown,
            readings=sources.told(connection, found, shown.readings, since),
            sources=sources.of_patient(connection, found["id"], since),
            freshness=pages.freshness(connection, now),
            periods=PERIODS,
            close_reasons=CLOSE_REASONS,
            untold=untold,
        )

    @app.get("/patients/{code}/report.pdf")
    def report_of(
        request: Request, connection: Connection, account: SignedIn, code: str, days: int = 30
    ) -> Response:
        now = datetime.now(UTC)
        shown = _patient_page(connection, code, days, now)
        if shown is None:
            return page(request, "not_found.html", account.language, account=account, status=404)
        made = report.make(shown, words(account.language), now)
        disposition = f'inline; filename="balise-{code}.pdf"'
        return Response(
            made, media_type="application/pdf", headers={"Content-Disposition": disposition}
        )

    @app.post("/patients/{code}/signals/{signal}")
    def act(
        connection: Connection,
        account: SignedIn,
        code: str,
        signal: int,
        state: Annotated[str, Form(pattern="^(seen|in_hand|closed|reopened)$")],
        reason: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "",
    ) -> Response:
        found = pages.patient(connection, code)
        if found is not None:
            chosen = reason if reason in CLOSE_REASONS else ""
            pages.act(connection, found["id"], signal, who=account.name, state=state, reason=chosen)
        return RedirectResponse("/" if back == "/" else f"/patients/{code}", status_code=303)

    @app.get("/patients/{code}/readings/{series}/{stamp}/{sequence}")
    def way(
        request: Request,
        connection: Connection,
        account: SignedIn,
        code: str,
        series: int,
        stamp: int,
        sequence: int,
    ) -> Response:
        found = pages.patient(connection, code)
        shown = found and pages.way(
            connection, found["id"], series=series, stamp=stamp, sequence=sequence
        )
        if not found or not isinstance(shown, pages.Way):
            return page(request, "not_found.html", account.language, account=account, status=404)
        reading: Row = {**shown.reading, "series": series, "sequence": sequence}
        (told,) = sources.told(connection, found, [reading], reading["taken_at"].date())
        return page(
            request,
            "way.html",
            account.language,
            account=account,
            patient=found,
            way=shown,
            told=told,
        )
