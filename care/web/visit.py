"""What every route needs: a connection, who is signed in, and a page in their language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

import psycopg
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from balise.languages import preferred
from balise.metrics import METRICS
from balise.pages import templates
from balise.passkeys import Site
from balise.settings import Settings
from care.web import accounts, audit, pages
from care.web.accounts import Account
from care.web.words import words
from sql.roles import Role, connect
from sql.rows import Row

COOKIE = "balise_session"
AT_ONCE, TURN_SECONDS = 20, 10.0
"""Requests that may hold connections, two at most, and how long another waits for its turn."""


class SignedOut(Exception):  # noqa: N818 - a state of the visitor, not an error
    """Nobody is signed in."""


def settings_of(request: Request) -> Settings:
    """Return the settings of the application."""
    return cast("Settings", request.app.state.settings)


class Crowded(Exception):  # noqa: N818 - a state of the pages, not an error
    """More ask at once than the pages may take of the database's connections."""


async def _turn(request: Request) -> AsyncIterator[None]:
    """Wait for a turn: whoever comes, receiver and flows keep their connections. Raises Crowded."""
    turns = cast("asyncio.Semaphore", request.app.state.turns)
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await turns.acquire()
    except TimeoutError:
        raise Crowded from None
    try:
        yield
    finally:
        turns.release()


Turn = Annotated[None, Depends(_turn)]


def _connection(request: Request, _turn: Turn) -> Iterator[psycopg.Connection]:
    """Connect as the pages, who see of patients whom the visitor follows."""
    url, token = settings_of(request).database_url, request.cookies.get(COOKIE, "")
    with connect(url, Role.WEB, session=token) as connection:
        yield connection


Connection = Annotated[psycopg.Connection, Depends(_connection)]


async def _fields_of(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


Fields = Annotated[dict[str, str], Depends(_fields_of)]


def written_over(said: Mapping[str, str]) -> int:
    """Return which version a form shows that it was written over; 404 where it is none of ours."""
    try:
        return int(said.get("over", ""))
    except ValueError:
        raise HTTPException(404) from None


def idle(request: Request) -> timedelta:
    """Return after how long a session ends that nobody uses."""
    return timedelta(minutes=settings_of(request).session_idle_minutes)


def provider_of(request: Request) -> str:
    """Return what the OpenID provider is called by which somebody may sign in; empty without."""
    settings = settings_of(request)
    return settings.oidc_name if settings.oidc_issuer else ""


def passkey_site(request: Request) -> Site | None:
    """Return the site whose passkeys a browser may use on this page; None where it may use none."""
    site = Site.at(settings_of(request).server_url)
    return site if site and site.origin == str(request.base_url).rstrip("/") else None


def address_of(request: Request) -> str:
    """Return from where somebody asks; behind a proxy it is what the proxy says."""
    return request.client.host if request.client else ""


def _account(request: Request, connection: Connection) -> Account:
    known = request.cookies.get(COOKIE)
    account = accounts.visitor(connection, idle(request)) if known else None
    if account is None:
        raise SignedOut
    request.state.account = account
    return account


SignedIn = Annotated[Account, Depends(_account)]


def _carer(account: SignedIn) -> Account:
    """Whoever is not here for patients is not told that there is such a page."""
    if not account.cares:
        raise HTTPException(404)
    return account


Carer = Annotated[Account, Depends(_carer)]


def _patient(request: Request, connection: Connection, _account: Carer, code: str) -> Row:
    """Return a patient whom the visitor follows; that it was asked for is written down."""
    found = pages.patient(connection, code)
    if found is None:
        raise HTTPException(404)
    audit.note(request, connection, [found["id"]])
    return found


Patient = Annotated[Row, Depends(_patient)]


def _helper(account: SignedIn) -> Account:
    if not account.helps:
        raise HTTPException(404)
    return account


Helper = Annotated[Account, Depends(_helper)]


def link_to(request: Request, token: str) -> str:
    """Return the one-time link of an account."""
    return f"{str(request.base_url).rstrip('/')}/welcome/{token}"


def _keeper(account: SignedIn) -> Account:
    """Whoever is not a keeper of the line is not told that there is such a page."""
    if not account.keeps_the_line:
        raise HTTPException(404)
    return account


def _clinician(account: SignedIn) -> Account:
    """Refuse whoever may not sign, as if there were no such form: a plan is a prescription."""
    if not account.signs:
        raise HTTPException(404)
    return account


def _admin(account: SignedIn) -> Account:
    if not account.admits:
        raise HTTPException(404)
    return account


def _as_keeper(request: Request, _turn: Turn) -> Iterator[psycopg.Connection]:
    """Connect as who keeps the line, and follows nobody; no carer's route asks for it."""
    with connect(settings_of(request).database_url, Role.KEEP) as connection:
        yield connection


def _as_written(text: object) -> object:
    """Return a text with one sign a new line: so a browser counts, and sends two."""
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


Written = Annotated[str, BeforeValidator(_as_written)]
"""What somebody wrote in a field of several lines, each ended as they counted it."""
Clinician = Annotated[Account, Depends(_clinician)]
Keeper = Annotated[Account, Depends(_keeper)]
Admin = Annotated[Account, Depends(_admin)]
AsKeeper = Annotated[psycopg.Connection, Depends(_as_keeper)]


def page(
    request: Request,
    template: str,
    spoken: str,
    *,
    account: Account | None = None,
    status: int = 200,
    **content: Any,
) -> HTMLResponse:
    """Return a page in a language."""
    html = (
        templates("care.web")
        .get_template(template)
        .render(
            w=words(spoken),
            language=spoken,
            account=account,
            path=request.url.path,
            passkeys=passkey_site(request) is not None,
            now=datetime.now(UTC),
            metrics=METRICS,
            **content,
        )
    )
    return HTMLResponse(html, status_code=status)


def language(request: Request) -> str:
    """Return the language of a visitor without account, from the browser."""
    return preferred(request.headers.get("accept-language", ""))
