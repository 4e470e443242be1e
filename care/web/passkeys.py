"""Passkeys: sign in by one, and a person's own, which they add and remove.

These two pages have a script, the only ones: no browser gives a passkey without.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

import psycopg
import structlog
from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

import sql
from balise import passkeys
from balise.errors import PasskeyRefused
from balise.pages import HEADERS
from balise.passkeys import Asked, Key, Site
from care.web import accounts
from care.web.pace import unhurried
from care.web.sign_in import enter
from care.web.visit import (
    Connection,
    SignedIn,
    address_of,
    idle,
    language,
    page,
    passkey_site,
    settings_of,
)
from sql import rows
from sql.roles import digest

entrance = APIRouter(prefix="/sign-in/passkey", dependencies=[Depends(unhurried)])
own = APIRouter(prefix="/passkeys")
COOKIE = "balise_passkey"
_LIFETIME = timedelta(minutes=5)
"""How long somebody may take with their device."""
_CSP = "Content-Security-Policy"
_log = structlog.get_logger(__name__)

Credential = Annotated[str, Form(max_length=20_000)]


def _offered(request: Request) -> Site:
    """Where browsers use no passkeys, there is no such page."""
    site = passkey_site(request)
    if site is None:
        raise HTTPException(404)
    return site


Offered = Annotated[Site, Depends(_offered)]


@entrance.get("")
def form(request: Request, connection: Connection, site: Offered) -> Response:
    """Show where somebody signs in by a passkey."""
    return _entrance(request, connection, site)


def _entrance(
    request: Request, connection: psycopg.Connection, site: Site, trouble: str = ""
) -> Response:
    asked = passkeys.to_sign_in(site)
    response = page(
        request,
        "passkey_sign_in.html",
        language(request),
        status=401 if trouble else 200,
        trouble=trouble,
        options=asked.options,
    )
    return _asking(request, connection, response, asked)


@entrance.post("")
def sign_in(
    request: Request, connection: Connection, site: Offered, credential: Credential
) -> Response:
    """Open a session for whose passkey it is."""
    try:
        token = _token(request, connection, site, credential)
    except PasskeyRefused as error:
        _log.warning("no sign-in by a passkey", error=type(error.__cause__ or error).__name__)
        return _entrance(request, connection, site, "passkey.refused")
    return enter(request, connection, token)


def _token(request: Request, connection: psycopg.Connection, site: Site, answer: str) -> str:
    challenge = _answered(request, connection)
    said = passkeys.said(answer)
    found = rows.named(connection, "passkeys.find", credential=said.raw_id)
    if not found:
        raise PasskeyRefused("it is nobody's here")
    seen = passkeys.recognised(site, said, Key(**found[0]), challenge)
    token = accounts.sign_in_by_passkey(
        connection, said.raw_id, seen.new_sign_count, idle=idle(request)
    )
    if token is None:
        raise PasskeyRefused("its count did not rise: there may be a copy of it")
    return token


@own.get("")
def listed(request: Request, connection: Connection, account: SignedIn, site: Offered) -> Response:
    """Show a person's own passkeys, and where they add one."""
    return _listed(request, connection, account, site)


def _listed(
    request: Request,
    connection: psycopg.Connection,
    account: accounts.Account,
    site: Site,
    trouble: str = "",
    status: int = 422,
) -> Response:
    held = rows.named(connection, "passkeys.own")
    handle = rows.value(connection, "passkeys.handle")
    known = [one["credential"] for one in held]
    asked = passkeys.to_register(site, account.name, handle, known) if handle else None
    response = page(
        request,
        "passkeys.html",
        account.language,
        account=account,
        status=status if trouble else 200,
        trouble=trouble,
        own=held,
        options=asked.options if asked else "",
    )
    return _asking(request, connection, response, asked) if asked else response


@own.post("")
def add(
    request: Request,
    connection: Connection,
    account: SignedIn,
    site: Offered,
    credential: Credential,
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Add one, for whoever knows the password too: a session left open is no such person."""
    try:
        challenge = _answered(request, connection)
        address = address_of(request)
        if not accounts.knows_password(connection, account.name, password, address=address):
            return _listed(request, connection, account, site, "passkey.wrong")
        made = passkeys.registered(site, credential, challenge)
    except accounts.Guessed:
        return _listed(request, connection, account, site, "sign_in.guessed", 429)
    except PasskeyRefused as error:
        _log.warning("no passkey added", error=type(error.__cause__ or error).__name__)
        return _listed(request, connection, account, site, "passkey.unmade")
    keys = {
        "credential": made.credential_id,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
    }
    if not rows.value(connection, "passkeys.add", **keys):
        return _listed(request, connection, account, site, "passkey.known")
    return RedirectResponse("/passkeys", status_code=303)


@own.post("/remove")
def remove(
    connection: Connection,
    _account: SignedIn,
    key: Annotated[str, Form(pattern=r"^([0-9a-f]{2}){1,1023}$")],
) -> RedirectResponse:
    """Remove one of one's own."""
    connection.execute(sql.get("passkeys.remove"), {"credential": bytes.fromhex(key)})
    return RedirectResponse("/passkeys", status_code=303)


def _asking(
    request: Request, connection: psycopg.Connection, response: HTMLResponse, asked: Asked
) -> Response:
    """Have a page ask for a passkey: its script runs, and its answer is this browser's, once."""
    token = secrets.token_urlsafe(24)
    keys = {"digest": digest(token), "challenge": asked.challenge, "lifetime": _LIFETIME}
    connection.execute(sql.get("passkeys.ask"), keys)
    response.headers[_CSP] = f"{HEADERS[_CSP]}; script-src 'self'"
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=settings_of(request).web_secure_cookies,
    )
    return response


def _answered(request: Request, connection: psycopg.Connection) -> bytes:
    """Return what this browser was asked to sign. Raises PasskeyRefused."""
    token = request.cookies.get(COOKIE, "")
    challenge: bytes | None = rows.value(connection, "passkeys.answered", digest=digest(token))
    if challenge is None:
        raise PasskeyRefused("it was not asked for, or too long ago")
    return challenge
