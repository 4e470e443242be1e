"""What every route of the FHIR API needs: who asks, what may be asked, and the answer's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import psycopg
from fastapi import Depends, Query, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from care import exchange
from care.fhir.bundle import as_json, searchset
from care.web import accounts, audit
from care.web.accounts import Account
from care.web.visit import COOKIE, Connection, address_of, idle
from sql.rows import Row

MEDIA = "application/fhir+json"
MOST = 500
_basic = HTTPBasic(auto_error=False)


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """What is asked can't be answered: the status, FHIR's word for it, and what to do next."""

    def __init__(self, status: int, code: str, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.code = code
        self.said = said


async def refuse(_request: Request, refused: Exception) -> Response:
    """Answer as FHIR wants it: an OperationOutcome."""
    if not isinstance(refused, Refused):
        raise refused
    issue = {"severity": "error", "code": refused.code, "diagnostics": refused.said}
    headers = {"WWW-Authenticate": "Basic"} if refused.status == 401 else {}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return Response(as_json(outcome), refused.status, headers, MEDIA)


def _visitor(
    request: Request,
    connection: Connection,
    said: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> Account:
    known = request.cookies.get(COOKIE)
    account = accounts.visitor(connection, idle(request)) if known else None
    if account is None and said is not None and _enter(request, connection, said):
        account = accounts.visitor(connection, idle(request))
    if account is None or not account.cares:
        raise Refused(401, "login", "sign in, or send a carer's account name and password")
    return account


def _enter(
    request: Request, connection: psycopg.Connection, said: HTTPBasicCredentials
) -> str | None:
    """Open a session for one answer. Raises Refused for who guesses."""
    try:
        return accounts.sign_in_from(
            connection,
            said.username,
            said.password,
            address=address_of(request),
            idle=accounts.ASKED,
            lifetime=accounts.ASKED,
        )
    except accounts.Guessed:
        said_so = "too many wrong passwords; wait for a quarter of an hour"
        raise Refused(429, "throttled", said_so) from None


Visitor = Annotated[Account, Depends(_visitor)]
Count = Annotated[int, Query(alias="_count", ge=1, le=MOST)]
Dates = Annotated[list[str] | None, Query(alias="date")]


def answer(resource: Any) -> Response:
    """Return a resource as it goes out."""
    return Response(as_json(resource), media_type=MEDIA)


def base_of(request: Request) -> str:
    """Return the address of the API, as whoever asks has it."""
    return f"{str(request.base_url).rstrip('/')}/fhir"


def found_in(
    request: Request, found: Sequence[dict[str, Any]], more: str | None = None
) -> Response:
    """Return what a search found, with the link to what follows."""
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "_page"]
    link = f"{base_of(request)}/{request.url.path.rsplit('/', 1)[-1]}"
    following = f"{link}?{urlencode([*asked, ('_page', more)])}" if more else None
    return answer(searchset(found, base=base_of(request), link=str(request.url), more=following))


def only(request: Request, *known: str) -> None:
    """Refuse what is not known: leaving a condition out would find too much."""
    unknown = sorted(set(request.query_params) - {*known, "_format", "_page"})
    if unknown:
        said = f"no search by {', '.join(unknown)}; there are: {', '.join(known)}"
        raise Refused(400, "not-supported", said)


def patient_of(request: Request, connection: psycopg.Connection, said: str) -> Row:
    """Return the patient that somebody asks for, and write that down.

    Raises Refused where there is none, or none whom the visitor follows.
    """
    code = said.removeprefix("Patient/").removeprefix("balise-")
    found = exchange.patient(connection, code)
    if found is None:
        raise Refused(404 if said else 400, "not-found", "ask for a patient: patient=Patient/CODE")
    audit.note(request, connection, [found["id"]], action="export")
    return found
