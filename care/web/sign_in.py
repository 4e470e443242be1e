"""Sign in, sign out, and the link by which somebody chooses a password, once."""

from __future__ import annotations

from typing import Annotated

import psycopg
from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from balise.languages import other
from care.web import accounts, audit
from care.web.visit import (
    COOKIE,
    Connection,
    SignedIn,
    address_of,
    idle,
    language,
    page,
    provider_of,
    settings_of,
)

router = APIRouter()
_LEFT = "left"
"""What a browser keeps in a session's place, so that it is known that somebody was there."""


@router.get("/sign-in")
def form(request: Request) -> HTMLResponse:
    """Show the form."""
    return shown(request)


def shown(request: Request, trouble: str = "", *, status: int = 200) -> HTMLResponse:
    """Return the form, with what went wrong.

    Where somebody was signed in of late it may be another person who comes now: the provider, which
    may know the last one still, is to ask.
    """
    return page(
        request,
        "sign_in.html",
        language(request),
        status=status,
        trouble=trouble,
        provider=provider_of(request),
        left=COOKIE in request.cookies,
    )


@router.post("/sign-in")
def sign_in(
    request: Request,
    connection: Connection,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Open a session; who guesses is told to wait, whatever the password."""
    try:
        token = accounts.sign_in_from(
            connection, name, password, address=address_of(request), idle=idle(request)
        )
    except accounts.Guessed:
        return shown(request, "sign_in.guessed", status=429)
    if token is None:
        return shown(request, "sign_in.refused", status=401)
    return enter(request, connection, token)


def enter(request: Request, connection: psycopg.Connection, token: str) -> Response:
    """Write down that somebody signed in, and have their browser keep the session's token."""
    audit.note(request, connection, [], action="sign_in")
    response = RedirectResponse("/", status_code=303)
    _keep(request, response, token)
    return response


def _keep(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(accounts.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings_of(request).web_secure_cookies,
    )


@router.post("/sign-out")
def sign_out(request: Request, connection: Connection) -> Response:
    """End the session, here and not only in the browser."""
    accounts.sign_out(connection, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", status_code=303)
    _keep(request, response, _LEFT)
    return response


@router.post("/language")
def change_language(
    connection: Connection, account: SignedIn, back: Annotated[str, Form()] = "/"
) -> Response:
    """Keep the other language for this account."""
    accounts.set_language(connection, account.name, other(account.language))
    # Only a path of ours: a form field must not send anybody elsewhere.
    inside = back.startswith("/") and not back.startswith(("//", "/\\"))
    return RedirectResponse(back if inside else "/", status_code=303)


@router.get("/welcome/{token}")
def welcome(request: Request, connection: Connection, token: str) -> HTMLResponse:
    """Show where the owner of an account chooses a password."""
    return welcome_page(request, connection, token)


@router.post("/welcome/{token}")
def choose(
    request: Request,
    connection: Connection,
    token: str,
    password: Annotated[str, Form(max_length=1000)],
    again: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Choose it: the link is used up, and its owner is signed in."""
    if len(password) < accounts.LEAST_PASSWORD:
        return welcome_page(request, connection, token, trouble="welcome.short")
    if password != again:
        return welcome_page(request, connection, token, trouble="welcome.differ")
    name = accounts.use_link(connection, token, password)
    opened = name and accounts.sign_in(connection, name, password, idle=idle(request))
    if not opened:
        raise HTTPException(404)
    return enter(request, connection, opened)


def welcome_page(
    request: Request,
    connection: psycopg.Connection,
    token: str,
    *,
    trouble: str = "",
    status: int = 422,
) -> HTMLResponse:
    """Return the page of a link, with what went wrong and its status; 404 for none that is good."""
    name = accounts.account_of_link(connection, token)
    if name is None:
        raise HTTPException(404)
    return page(
        request,
        "welcome.html",
        language(request),
        status=status if trouble else 200,
        name=name,
        least=accounts.LEAST_PASSWORD,
        trouble=trouble,
        provider=provider_of(request),
        token=token,
    )
