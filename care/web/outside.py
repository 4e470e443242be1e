"""Sign in by an OpenID provider, such as Pro Santé Connect or a hospital's Keycloak."""

from __future__ import annotations

from typing import Annotated

import psycopg
import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from balise.errors import ProviderDown, ProviderRefused
from balise.openid import Attempt, Provider
from balise.settings import Settings
from care.web import accounts
from care.web.pace import unhurried
from care.web.sign_in import enter, shown, welcome_page
from care.web.visit import Connection, idle, link_to, settings_of

PLACE = "/sign-in/outside"
router = APIRouter(prefix=PLACE, dependencies=[Depends(unhurried)])
COOKIE = "balise_outside"
_log = structlog.get_logger(__name__)
_MINUTES = 10
"""How long somebody may take at the provider."""


def _offered(request: Request) -> Settings:
    """Where no provider is set, there is no such page."""
    settings = settings_of(request)
    if not settings.oidc_issuer:
        raise HTTPException(404)
    return settings


Offered = Annotated[Settings, Depends(_offered)]


@router.get("")
def leave(
    request: Request,
    connection: Connection,
    settings: Offered,
    link: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]*$", max_length=64)] = "",
    *,
    anew: bool = False,
) -> Response:
    """Send a browser to the provider; `link` is what an account begins with.

    Only a page that says whose the account is leads here with a link: another site could send
    somebody's browser along, and have an account made theirs unseen.
    """
    came_from = request.headers.get("referer", "").partition("?")[0]
    ours = {link_to(request, link), _back(request), str(request.url_for("leave"))}
    if link and came_from not in ours:
        raise HTTPException(404)
    attempt = Attempt.begin(link)
    try:
        there = Provider.found(settings).address(attempt, _back(request), anew=anew)
    except ProviderDown as error:
        return _trouble(request, connection, error, link)
    answer = RedirectResponse(there, status_code=303)
    answer.set_cookie(
        COOKIE,
        attempt.written(),
        max_age=_MINUTES * 60,
        path=PLACE,
        httponly=True,
        samesite="lax",
        secure=settings.web_secure_cookies,
    )
    return answer


@router.get("/back")
def come_back(request: Request, connection: Connection, settings: Offered) -> Response:
    """Sign in whom the provider says has come."""
    link = ""
    try:
        attempt = Attempt.read(request.cookies.get(COOKIE, ""))
        link = attempt.link
        provider = Provider.found(settings)
        identity = provider.identity(attempt, request.query_params, _back(request))
        token = _token(request, connection, link, identity)
    except (ProviderDown, ProviderRefused, accounts.Taken) as error:
        answer = _trouble(request, connection, error, link)
    else:
        answer = _entered(request, connection, token)
    answer.delete_cookie(COOKIE, path=PLACE)
    return answer


@router.get("/out")
def leave_there_too(request: Request, connection: Connection, settings: Offered) -> Response:
    """Send a browser to be signed out at the provider as well."""
    back = str(request.url_for("form"))
    try:
        there = Provider.found(settings).leaving(back)
    except ProviderDown as error:
        return _trouble(request, connection, error)
    return RedirectResponse(there or back, status_code=303)


def _entered(request: Request, connection: psycopg.Connection, token: str | None) -> Response:
    if token is None:
        return shown(request, "sign_in.outside_unknown", status=403)
    return enter(request, connection, token)


def _token(
    request: Request, connection: psycopg.Connection, link: str, identity: str
) -> str | None:
    """Return the token of a session, None for whom no account is: a link may be dead by now."""
    if link:
        accounts.use_link_outside(connection, link, identity)
    return accounts.sign_in_outside(connection, identity, idle=idle(request))


def _back(request: Request) -> str:
    return str(request.url_for("come_back"))


_TROUBLES: dict[type[Exception], tuple[str, int]] = {
    ProviderDown: ("sign_in.outside_away", 502),
    ProviderRefused: ("sign_in.outside_refused", 401),
    accounts.Taken: ("sign_in.outside_taken", 409),
}


def _trouble(
    request: Request, connection: psycopg.Connection, error: Exception, link: str = ""
) -> Response:
    """Return the page that somebody came from, with what went wrong; a link is good still."""
    _log.warning(
        "no sign-in at the provider", error=str(error), cause=type(error.__cause__).__name__
    )
    trouble, status = _TROUBLES[type(error)]
    if link and accounts.account_of_link(connection, link):
        return welcome_page(request, connection, link, trouble=trouble, status=status)
    return shown(request, trouble, status=status)
