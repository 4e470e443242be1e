"""What is answered where a page can't be: to a person in words, to a program as it expects."""

from __future__ import annotations

from typing import cast

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse

from balise.pages import HEADERS
from care.web import fhir_visit, sign_in
from care.web.accounts import Account
from care.web.pace import WITHIN, Hurried
from care.web.visit import Crowded, SignedOut, language, page, settings_of

_log = structlog.get_logger(__name__)

_HTTPS_ALONE = "max-age=31536000"
"""Where the pages are behind HTTPS a browser asks for them by no other way, for a year."""

_AGAIN = "60"
"""Seconds until a database that is away may be asked again."""

_OF_FHIR = {
    "away": ("transient", "the database does not answer; ask again in a minute"),
    "fault": ("exception", "an error of Balise; tell whoever looks after the server"),
}


def answer(app: FastAPI) -> None:
    """Have an application answer."""
    app.exception_handler(SignedOut)(_to_sign_in)
    app.exception_handler(Hurried)(_too_often)
    app.exception_handler(404)(_not_found)
    app.exception_handler(RequestValidationError)(_unread)
    # What no column can hold, such as a NUL or a number past all numbers, is nobody's.
    app.exception_handler(psycopg.DataError)(_not_found)
    app.exception_handler(psycopg.OperationalError)(_away)
    app.exception_handler(Crowded)(_away)
    app.exception_handler(fhir_visit.Refused)(fhir_visit.refuse)
    app.exception_handler(Exception)(_at_fault)


def headed(request: Request, response: Response) -> Response:
    """Give an answer the headers that every one has."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if settings_of(request).web_secure_cookies:
        response.headers["Strict-Transport-Security"] = _HTTPS_ALONE
    return response


async def _to_sign_in(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/sign-in", status_code=303)


async def _too_often(request: Request, _error: Exception) -> Response:
    """Say it where a password lets in all the same: for that it is counted who is wrong."""
    response = sign_in.shown(request, "sign_in.hurried", status=429)
    response.headers["Retry-After"] = str(int(WITHIN.total_seconds()))
    return response


async def _not_found(request: Request, _error: Exception) -> Response:
    return _explained(request, "not_found.html", 404)


async def _unread(request: Request, error: Exception) -> Response:
    """Say to a person that a field or an address can't be read; to a program, which one."""
    if "text/html" in request.headers.get("accept", ""):
        return _explained(request, "unread.html", 422)
    return await request_validation_exception_handler(
        request, cast("RequestValidationError", error)
    )


async def _away(request: Request, error: Exception) -> Response:
    """Say that the database doesn't answer: what it would say of it may name a patient."""
    _log.error("database_away", error=type(error).__name__)
    response = await _sorry(request, "away", 503)
    response.headers["Retry-After"] = _AGAIN
    return response


async def _at_fault(request: Request, _error: Exception) -> Response:
    """Say that it is our fault: outside of all layers, so that the headers are given here."""
    return headed(request, await _sorry(request, "fault", 500))


async def _sorry(request: Request, what: str, status: int) -> Response:
    if request.url.path.startswith("/fhir/"):
        return await fhir_visit.refuse(request, fhir_visit.Refused(status, *_OF_FHIR[what]))
    return _explained(request, "sorry.html", status, what=what)


def _explained(request: Request, template: str, status: int, **content: str) -> Response:
    """Answer in the language of whoever is signed in, with their menu."""
    account: Account | None = getattr(request.state, "account", None)
    spoken = account.language if account else language(request)
    return page(request, template, spoken, account=account, status=status, **content)
