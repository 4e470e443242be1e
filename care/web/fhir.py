"""The FHIR R4 read API: `/fhir/metadata` says what may be asked.

Whoever asks is signed in as on the pages, or sends an account's name and password (HTTP Basic).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from balise.metrics import METRICS
from care import exchange
from care.exchange import Place
from care.fhir import resources
from care.fhir.bundle import as_json, searchset
from care.fhir.capability import statement
from care.fhir.codes import BLOOD_PRESSURE, PRESSURES, of_metric
from care.fhir.observation import observations
from care.fhir.report import Summary
from care.fhir.report import resources as of_summary
from care.web import accounts, pages
from care.web.accounts import Account
from care.web.report import make
from care.web.visit import COOKIE, Connection
from care.web.words import words
from sql import rows
from sql.rows import Row

router = APIRouter(prefix="/fhir")

MEDIA = "application/fhir+json"
MOST = 500
_PREFIXES = ("ge", "gt", "le", "lt", "eq")
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
    token = request.cookies.get(COOKIE)
    account = accounts.of_session(connection, token) if token else None
    if account is None and said is not None:
        account = accounts.of_password(connection, said.username, said.password)
    if account is None:
        raise Refused(401, "login", "sign in, or send an account's name and password")
    return account


Visitor = Annotated[Account, Depends(_visitor)]
Count = Annotated[int, Query(alias="_count", ge=1, le=MOST)]
Dates = Annotated[list[str] | None, Query(alias="date")]


def _answer(resource: Any) -> Response:
    return Response(as_json(resource), media_type=MEDIA)


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/fhir"


def _found(request: Request, found: Sequence[dict[str, Any]], more: str | None = None) -> Response:
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "_page"]
    link = f"{_base(request)}/{request.url.path.rsplit('/', 1)[-1]}"
    following = f"{link}?{urlencode([*asked, ('_page', more)])}" if more else None
    return _answer(searchset(found, base=_base(request), link=str(request.url), more=following))


def _only(request: Request, *known: str) -> None:
    """Refuse what is not known: leaving a condition out would find too much."""
    unknown = sorted(set(request.query_params) - {*known, "_format", "_page"})
    if unknown:
        said = f"no search by {', '.join(unknown)}; there are: {', '.join(known)}"
        raise Refused(400, "not-supported", said)


def _patient(connection: psycopg.Connection, said: str) -> Row:
    found = pages.patient(connection, said.removeprefix("Patient/")) if said else None
    if found is None:
        raise Refused(404 if said else 400, "not-found", "ask for a patient: patient=Patient/CODE")
    return found


@router.get("/metadata")
def metadata(request: Request) -> Response:
    """Say what may be asked; nobody needs to be known for that."""
    return _answer(statement(_base(request), made_at=datetime.now(UTC)))


@router.get("/Patient")
def patients(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    name: str = "",
    identifier: str = "",
    page: Annotated[str, Query(alias="_page")] = "",
    count: Count = 50,
) -> Response:
    """Search patients by name or code."""
    _only(request, "name", "identifier", "_count")
    keys = {"after": page, "code": identifier.rsplit("|", 1)[-1], "name": name}
    found = rows.named(connection, "fhir.patients", **keys, limit=count + 1)
    more = found[count - 1]["code"] if len(found) > count else None
    return _found(request, [exchange.patient_resource(one) for one in found[:count]], more)


@router.get("/Patient/{code}")
def patient(connection: Connection, _visitor: Visitor, code: str) -> Response:
    """Read a patient."""
    return _answer(exchange.patient_resource(_patient(connection, code)))


@router.get("/Device")
def devices(
    request: Request, connection: Connection, _visitor: Visitor, patient: str = ""
) -> Response:
    """Search the devices that are or were a patient's."""
    _only(request, "patient")
    subject = _patient(connection, patient)["id"]
    return _found(request, exchange.device_resources(connection, subject))


@router.get("/Device/{number}")
def device(connection: Connection, _visitor: Visitor, number: int) -> Response:
    """Read a device."""
    found = rows.named(connection, "fhir.device", device=number) if number < 1 << 31 else []
    if not found:
        raise Refused(404, "not-found", "there is no such device")
    (row,) = found
    return _answer(resources.device(row["id"], address=row["address"], name=row["name"] or ""))


@router.get("/Observation")
def search(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    patient: str = "",
    code: str = "",
    dates: Dates = None,
    page: Annotated[str, Query(alias="_page")] = "",
    count: Count = 50,
) -> Response:
    """Search a patient's measurements by code and date, the newest first."""
    _only(request, "patient", "code", "date", "_count")
    found = _patient(connection, patient)
    since, until = _period(dates or [], found["time_zone"])
    try:
        place = Place.read(page) if page else None
    except ValueError:
        raise Refused(400, "value", "follow the next link as it is given") from None
    told = exchange.measurements(
        connection,
        found,
        metrics=_metrics(code),
        since=since,
        until=until,
        place=place,
        count=count,
    )
    made = [one for measured in told.measured for one in observations(measured)]
    return _found(request, made, told.more.written() if told.more else None)


def _metrics(code: str) -> list[str]:
    """Return the metrics that tokens `system|code` name; every one where none is named."""
    if not code:
        return list(METRICS)
    wanted = {one.rsplit("|", 1)[-1] for one in code.split(",")}
    found = [name for name in METRICS if wanted & _codes(name)]
    return [*found, *PRESSURES] if wanted & _codes(BLOOD_PRESSURE) else found


def _codes(metric: str) -> set[str]:
    return {one["code"] for one in of_metric(metric).get("coding", ())}


def _period(dates: Iterable[str], time_zone: str) -> tuple[datetime, datetime]:
    """Return the period that `date` parameters say, each with FHIR's prefix or none."""
    since, until = exchange.EPOCH, exchange.FAR
    for said in dates:
        prefix = said[:2] if said[:2] in _PREFIXES else "eq"
        start, end = _span(said.removeprefix(prefix), time_zone)
        if prefix in {"ge", "eq", "gt"}:
            since = max(since, end if prefix == "gt" else start)
        if prefix in {"le", "eq", "lt"}:
            until = min(until, start if prefix == "lt" else end)
    return since, until


def _span(said: str, time_zone: str) -> tuple[datetime, datetime]:
    """Return from when to when a date or a moment is; a day is the patient's."""
    zone = ZoneInfo(time_zone)
    try:
        if "T" in said:
            moment = datetime.fromisoformat(said)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
            return moment, moment + timedelta(seconds=1)
        day = date.fromisoformat(said)
    except (ValueError, OverflowError):
        raise Refused(400, "value", "write a date as ge2026-11-06 or le2026-11-06T07:00Z") from None
    begin, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return begin, end


@router.get("/Observation/{key}")
def observation(connection: Connection, _visitor: Visitor, key: str) -> Response:
    """Read a measurement by the id that a search gave it."""
    missing = Refused(404, "not-found", "there is no such observation")
    try:
        number, stamped, sequence, _metric = key.split("-", 3)
        place = Place.read(f"0-{number}-{stamped}-{sequence}")
    except ValueError:
        raise missing from None
    if place.device >= 1 << 31 or place.sequence >= 1 << 31:
        raise missing
    told = exchange.of_key(
        connection, device=place.device, stamped=place.stamped_at, sequence=place.sequence
    )
    for one in (each for measured in told for each in observations(measured)):
        if one["id"] == key:
            return _answer(one)
    raise missing


@router.get("/DiagnosticReport")
def reports(
    request: Request, connection: Connection, _visitor: Visitor, patient: str = ""
) -> Response:
    """Find a patient's newest summary; the report itself has the page as PDF."""
    _only(request, "patient")
    made = _summary(connection, _patient(connection, patient), with_page=False)
    kept = [one for one in made if one["resourceType"] == "DiagnosticReport"]
    return _found(request, kept)


@router.get("/DiagnosticReport/{key}")
def report(connection: Connection, visitor: Visitor, key: str) -> Response:
    """Read a patient's newest summary, with the page as PDF; its figures are its own."""
    code = key.removeprefix("report-")[: -len("-2026-11-06")]
    made = _summary(connection, _patient(connection, code), with_page=True, account=visitor)
    for one in made:
        if one["resourceType"] == "DiagnosticReport" and one["id"] == key:
            return _answer(one)
    raise Refused(404, "not-found", "there is no such report; search for the newest")


def _summary(
    connection: psycopg.Connection,
    patient: Row,
    *,
    with_page: bool,
    account: Account | None = None,
) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    shown = pages.patient_page(connection, patient, days=30, now=now)
    if shown.summary is None:
        return []
    pdf = make(shown, words(account.language if account else "fr"), now) if with_page else None
    summary = Summary(
        code=patient["code"],
        number=f"{patient['code']}-{shown.summary['period_end']}",
        made_at=shown.summary["made_at"],
        figures=shown.summary["figures"],
        pdf=pdf,
    )
    return of_summary(summary)


@router.get("/Flag")
def flags(
    request: Request, connection: Connection, visitor: Visitor, patient: str = ""
) -> Response:
    """Search a patient's signals."""
    _only(request, "patient")
    found = _patient(connection, patient)
    w = words(visitor.language)
    made = [
        resources.flag(one, found["code"], reason=w(f"reason.{one['rule']}", **one["figures"]))
        for one in rows.named(connection, "care.signals_of", subject=found["id"])
    ]
    return _found(request, made)
