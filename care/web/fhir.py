"""The FHIR R4 read API: `/fhir/metadata` says what may be asked.

Whoever asks is signed in as on the pages, or sends an account's name and password (HTTP Basic).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Query, Request, Response

from balise.metrics import METRICS
from balise.whole import whole
from care import exchange
from care.exchange import Place
from care.fhir import resources
from care.fhir.capability import statement
from care.fhir.codes import BLOOD_PRESSURE, LOINC, MDC, PRESSURES, of_metric
from care.fhir.observation import PULSE_OF_OXIMETER, observations
from care.fhir.report import resources as of_summary
from care.rollups import day_bounds
from care.web import audit, pages
from care.web.accounts import Account
from care.web.fhir_visit import (
    Count,
    Dates,
    Refused,
    Visitor,
    answer,
    base_of,
    found_in,
    only,
    patient_of,
)
from care.web.report import make
from care.web.visit import Connection
from care.web.words import words
from sql import rows
from sql.rows import Row

router = APIRouter(prefix="/fhir")

_PREFIXES = ("ge", "gt", "le", "lt", "eq")
_NOBODY = "\N{REPLACEMENT CHARACTER}"
_REPORTED = re.compile(r"(.+)-\d{4}-\d\d-\d\d(?:-|$)")
"""The ids of a summary's resources: the patient's code and the last day of its period."""


@router.get("/metadata")
def metadata(request: Request) -> Response:
    """Say what may be asked; nobody needs to be known for that."""
    return answer(statement(base_of(request), made_at=datetime.now(UTC)))


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
    only(request, "name", "identifier", "_count")
    keys = {"after": page, "code": _code_of(identifier), "name": name}
    found = rows.named(connection, "fhir.patients", **keys, limit=count + 1)
    more = found[count - 1]["code"] if len(found) > count else None
    audit.note(request, connection, [one["id"] for one in found[:count]], action="list")
    return found_in(request, [exchange.patient_resource(one) for one in found[:count]], more)


def _code_of(identifier: str) -> str:
    """Return the code of an identifier `system|value`; of another system nobody is known."""
    system, bar, value = identifier.rpartition("|")
    if identifier and not value:
        raise Refused(400, "value", f"write identifier={resources.PATIENT}|CODE")
    return value if not bar or system == resources.PATIENT else _NOBODY


@router.get("/Patient/{code}")
def patient(request: Request, connection: Connection, _visitor: Visitor, code: str) -> Response:
    """Read a patient."""
    return answer(exchange.patient_resource(patient_of(request, connection, code)))


@router.get("/Device")
def devices(
    request: Request, connection: Connection, _visitor: Visitor, patient: str = ""
) -> Response:
    """Search the devices that are or were a patient's."""
    only(request, "patient")
    subject = patient_of(request, connection, patient)["id"]
    return found_in(request, exchange.device_resources(connection, subject))


@router.get("/Device/{number}")
def device(request: Request, connection: Connection, _visitor: Visitor, number: str) -> Response:
    """Read a device."""
    own = number.removeprefix(resources.device_id(""))
    named = whole(own, 1 << 31)
    found = [] if named is None else rows.named(connection, "fhir.device", device=named)
    if not found:
        raise Refused(404, "not-found", "there is no such device")
    (row,) = found
    holders = [one["subject"] for one in rows.named(connection, "fhir.holders", device=row["id"])]
    audit.note(request, connection, holders, action="export")
    return answer(exchange.device_resource(row))


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
    only(request, "patient", "code", "date", "_count")
    found = patient_of(request, connection, patient)
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
    made = [
        one
        for measured in told.measured
        for one in observations(measured)
        if not code or _tokens(code) & _codings(one["code"])
    ]
    return found_in(request, made, told.more.written() if told.more else None)


Token = tuple[str, str]


def _tokens(code: str) -> set[Token]:
    """Return what `code` asks for, each `system|code`; without a system both of ours are meant."""
    found: set[Token] = set()
    for said in code.split(","):
        system, bar, value = said.rpartition("|")
        found |= {(system, value)} if bar else {(one, value) for one in (LOINC, MDC)}
    return found


def _codings(code: Mapping[str, Any]) -> set[Token]:
    return {(one["system"], one["code"]) for one in code.get("coding", ())}


def _metrics(code: str) -> list[str]:
    """Return the metrics that may have one of these codes; every one where none is named."""
    if not code:
        return list(METRICS)
    wanted = _tokens(code)
    found = [name for name in METRICS if wanted & _codings(of_metric(name))]
    # What a cuff measures is one Observation, whichever of it is asked for.
    of_cuff = wanted & _codings(of_metric(BLOOD_PRESSURE)) or set(found) & set(PRESSURES)
    # An oximeter's pulse has a code of its own, which its saturation tells.
    beside = ("oxygen_saturation", "pulse_rate") if (MDC, PULSE_OF_OXIMETER) in wanted else ()
    pulse = ("oxygen_saturation",) if "pulse_rate" in found else ()
    return sorted({*found, *(PRESSURES if of_cuff else ()), *beside, *pulse})


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
    """Return from when to when a date or a moment is, as precisely as it is written.

    A day is the patient's, and a moment without its zone too.
    """
    try:
        if "T" not in said:
            return day_bounds(date.fromisoformat(said), time_zone)
        moment = datetime.fromisoformat(said)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))
        return moment, moment + _precision(said)
    except (ValueError, OverflowError):
        raise Refused(400, "value", "write a date as ge2026-11-06 or le2026-11-06T07:00Z") from None


def _precision(said: str) -> timedelta:
    """Return how long the moment lasts that is written: a minute, a second, or no time at all."""
    clock = said.partition("T")[2]
    if "." in clock:
        return timedelta(microseconds=1)
    return (
        timedelta(seconds=1) if clock.count(":") > 1 and clock[5:6] == ":" else timedelta(minutes=1)
    )


@router.get("/Observation/{key}")
def observation(request: Request, connection: Connection, _visitor: Visitor, key: str) -> Response:
    """Read a measurement by the id that a search gave it."""
    missing = Refused(404, "not-found", "there is no such observation")
    of_report = _REPORTED.match(key)
    if of_report:
        made = _summary(connection, patient_of(request, connection, of_report[1]))
        told = [one for one in made if one["id"] == key and one["resourceType"] == "Observation"]
        if told:
            return answer(told[0])
        raise missing
    try:
        number, stamped, sequence, _metric = key.split("-", 3)
        place = Place.read(f"0-{number}-{stamped}-{sequence}")
    except ValueError:
        raise missing from None
    if place.device >= 1 << 31 or place.sequence >= 1 << 31:
        raise missing
    measured_then = exchange.of_key(
        connection, device=place.device, stamped=place.stamped_at, sequence=place.sequence
    )
    for then in measured_then:
        for one in observations(then):
            if one["id"] == key:
                patient_of(request, connection, then.patient)
                return answer(one)
    raise missing


@router.get("/DiagnosticReport")
def reports(
    request: Request, connection: Connection, _visitor: Visitor, patient: str = ""
) -> Response:
    """Find a patient's newest summary; the report itself has the page as PDF."""
    only(request, "patient")
    made = _summary(connection, patient_of(request, connection, patient))
    kept = [one for one in made if one["resourceType"] == "DiagnosticReport"]
    return found_in(request, kept)


@router.get("/DiagnosticReport/{key}")
def report(request: Request, connection: Connection, visitor: Visitor, key: str) -> Response:
    """Read a patient's newest summary, with the page as PDF; its figures are its own."""
    of_report = _REPORTED.match(key.removeprefix("report-"))
    if of_report is None:
        raise Refused(404, "not-found", "there is no such report; search for the newest")
    code = of_report[1]
    made = _summary(connection, patient_of(request, connection, code), page_for=visitor)
    for one in made:
        if one["resourceType"] == "DiagnosticReport" and one["id"] == key:
            return answer(one)
    raise Refused(404, "not-found", "there is no such report; search for the newest")


def _summary(
    connection: psycopg.Connection, patient: Row, *, page_for: Account | None = None
) -> list[dict[str, Any]]:
    """Return the resources of a patient's newest summary; with the page for who reads it."""
    found = rows.named(connection, "care.summary_of", subject=patient["id"])
    if not found:
        return []
    pdf = _pdf(connection, patient, page_for) if page_for else None
    return of_summary(exchange.summary(patient, found[0], pdf))


def _pdf(connection: psycopg.Connection, patient: Row, account: Account) -> bytes:
    now = datetime.now(UTC)
    shown = pages.patient_page(connection, patient, days=30, now=now)
    return make(shown, words(account.language), now)
