"""The clinician pages as a FastAPI application: routes, sessions and headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated, Any, cast

import psycopg
from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

import sql
from balise.languages import other, preferred
from balise.metrics import METRICS
from balise.pages import HEADERS, templates
from balise.settings import Settings
from care.web import accounts, enrolment, pages
from care.web.accounts import Account
from care.web.words import words

COOKIE = "balise_session"
PERIODS = (7, 30, 90)
CLOSE_REASONS = ("called", "treated", "measured_badly", "no_action")


class SignedOut(Exception):  # noqa: N818 - a state of the visitor, not an error
    """Nobody is signed in."""


def _connection(request: Request) -> Iterator[psycopg.Connection]:
    settings = cast("Settings", request.app.state.settings)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        yield connection


Connection = Annotated[psycopg.Connection, Depends(_connection)]


def _account(request: Request, connection: Connection) -> Account:
    token = request.cookies.get(COOKIE)
    account = accounts.of_session(connection, token) if token else None
    if account is None:
        raise SignedOut
    return account


SignedIn = Annotated[Account, Depends(_account)]


def _page(
    request: Request,
    template: str,
    language: str,
    *,
    account: Account | None = None,
    status: int = 200,
    **content: Any,
) -> HTMLResponse:
    html = (
        templates("care.web")
        .get_template(template)
        .render(
            w=words(language),
            language=language,
            account=account,
            path=request.url.path,
            now=datetime.now(UTC),
            metrics=METRICS,
            **content,
        )
    )
    return HTMLResponse(html, status_code=status)


def _language(request: Request) -> str:
    """Return the language of a visitor without account, from the browser."""
    return preferred(request.headers.get("accept-language", ""))


def create_app(settings: Settings) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="Balise", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.mount(
        "/static", StaticFiles(directory=str(resources.files("care.web") / "static")), "static"
    )
    app.middleware("http")(_guard)
    app.exception_handler(SignedOut)(_to_sign_in)
    app.exception_handler(404)(_not_found)
    _add_health(app)
    app.include_router(enrolment.router)
    _add_session(app)
    _add_patients(app)
    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse posts that another site makes, and give every answer its headers."""
    origin = request.headers.get("origin")
    if request.method == "POST" and origin not in {None, str(request.base_url).rstrip("/")}:
        text = words(_language(request))("refused_form.text")
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
    return _page(request, "not_found.html", _language(request), status=404)


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
        return _page(request, "sign_in.html", _language(request), refused=False)

    @app.post("/sign-in")
    def sign_in(
        request: Request,
        connection: Connection,
        name: Annotated[str, Form()],
        password: Annotated[str, Form()],
    ) -> Response:
        token = accounts.sign_in(connection, name, password)
        if token is None:
            return _page(request, "sign_in.html", _language(request), status=401, refused=True)
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
    def language(
        connection: Connection, account: SignedIn, back: Annotated[str, Form()] = "/"
    ) -> Response:
        accounts.set_language(connection, account.name, other(account.language))
        # Only a path of ours: a form field must not send anybody elsewhere.
        inside = back.startswith("/") and not back.startswith(("//", "/\\"))
        return RedirectResponse(back if inside else "/", status_code=303)


def _add_patients(app: FastAPI) -> None:
    @app.get("/")
    def worklist(request: Request, connection: Connection, account: SignedIn) -> HTMLResponse:
        now = datetime.now(UTC)
        return _page(
            request,
            "worklist.html",
            account.language,
            account=account,
            rows=pages.worklist(connection, now),
            freshness=pages.freshness(connection, now),
        )

    @app.get("/patients/{code}")
    def patient(
        request: Request, connection: Connection, account: SignedIn, code: str, days: int = 30
    ) -> Response:
        found = pages.patient(connection, code)
        if found is None or days not in PERIODS:
            return _page(request, "not_found.html", account.language, account=account, status=404)
        now = datetime.now(UTC)
        return _page(
            request,
            "patient.html",
            account.language,
            account=account,
            page=pages.patient_page(connection, found, days=days, now=now),
            freshness=pages.freshness(connection, now),
            periods=PERIODS,
            close_reasons=CLOSE_REASONS,
        )

    @app.post("/patients/{code}/signals/{signal}")
    def act(
        connection: Connection,
        account: SignedIn,
        code: str,
        signal: int,
        state: Annotated[str, Form(pattern="^(seen|in_hand|closed)$")],
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
        if not found or not shown:
            return _page(request, "not_found.html", account.language, account=account, status=404)
        return _page(
            request, "way.html", account.language, account=account, patient=found, way=shown
        )
