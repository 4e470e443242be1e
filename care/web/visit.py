"""What every route needs: a connection, who is signed in, and a page in their language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import psycopg
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from balise.languages import preferred
from balise.metrics import METRICS
from balise.pages import templates
from balise.settings import Settings
from care.web import accounts, pages
from care.web.accounts import Account
from care.web.words import words
from sql.rows import Row

COOKIE = "balise_session"


class SignedOut(Exception):  # noqa: N818 - a state of the visitor, not an error
    """Nobody is signed in."""


def _connection(request: Request) -> Iterator[psycopg.Connection]:
    settings = cast("Settings", request.app.state.settings)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        yield connection


Connection = Annotated[psycopg.Connection, Depends(_connection)]


def _patient(connection: Connection, code: str) -> Row:
    found = pages.patient(connection, code)
    if found is None:
        raise HTTPException(404)
    return found


Patient = Annotated[Row, Depends(_patient)]


async def _fields_of(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


Fields = Annotated[dict[str, str], Depends(_fields_of)]


def _account(request: Request, connection: Connection) -> Account:
    token = request.cookies.get(COOKIE)
    account = accounts.of_session(connection, token) if token else None
    if account is None:
        raise SignedOut
    return account


SignedIn = Annotated[Account, Depends(_account)]


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


Clinician = Annotated[Account, Depends(_clinician)]
Keeper = Annotated[Account, Depends(_keeper)]


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
            now=datetime.now(UTC),
            metrics=METRICS,
            **content,
        )
    )
    return HTMLResponse(html, status_code=status)


def language(request: Request) -> str:
    """Return the language of a visitor without account, from the browser."""
    return preferred(request.headers.get("accept-language", ""))
