"""The clinicians' list, and one patient's page, report, signals and readings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import psycopg
from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from care.rules.rule import Severity
from care.web import audit, pages, report, sources
from care.web.visit import Carer, Connection, Patient, SignedIn, page, settings_of
from care.web.words import words
from sql.rows import Row

listed = APIRouter()
router = APIRouter(prefix="/patients/{code}")
PERIODS = (7, 30, 90)
Level = Annotated[int, Query(ge=0, le=max(Severity))]
Start = Annotated[int, Query(ge=0, le=1_000_000)]
ALL_NOTES = 1000
CLOSE_REASONS = ("called", "treated", "measured_badly", "no_action")


class PageQuery(BaseModel):
    """What a patient's page is asked for: its period, which notes, and what it has to say first."""

    days: int = 30
    notes: str = ""
    untold: bool = False
    undone: str = ""


@listed.get("/")
def worklist(
    request: Request,
    connection: Connection,
    account: SignedIn,
    start: Start = 0,
    name: Annotated[str, Query(max_length=200)] = "",
    level: Level = 0,
    noted: Annotated[int | None, Query(alias="looked", ge=0)] = None,
) -> Response:
    """Show who needs attention, to whoever is here for patients; others their own page."""
    if not account.cares:
        return RedirectResponse(account.home, 303)
    now = datetime.now(UTC)
    fresh = pages.freshness(connection, now)
    looks = account.signs and not (fresh.late_since or start or name or level)
    shown = pages.worklist(connection, now, start=start, name=name, level=level)
    well = pages.well(connection, now) if looks else []
    audit.note(request, connection, [one["subject"] for one in (*shown.rows, *well)], action="list")
    return page(
        request,
        "worklist.html",
        account.language,
        account=account,
        list=shown,
        name=name,
        levels=sorted(Severity, reverse=True),
        as_of=now,
        well=well,
        noted=noted,
        unseen=pages.unseen(
            connection,
            now,
            opening=request.app.state.opening,
            hours=settings_of(request).unseen_hours,
        ),
        freshness=fresh,
        silent=pages.silent_gateways(connection, now),
    )


def _patient_page(
    connection: psycopg.Connection, patient: Row, days: int, now: datetime, *, notes: str = ""
) -> pages.PatientPage:
    """Return a patient's page over one of the periods. HTTPException where there is no such."""
    if days not in PERIODS:
        raise HTTPException(404)
    most = ALL_NOTES if notes == "all" else pages.NOTES
    return pages.patient_page(connection, patient, days=days, now=now, notes=most)


@router.get("")
def patient(
    request: Request,
    connection: Connection,
    account: Carer,
    found: Patient,
    asked: Annotated[PageQuery, Query()],
) -> Response:
    """Show a patient's page."""
    now = datetime.now(UTC)
    shown = _patient_page(connection, found, asked.days, now, notes=asked.notes)
    since = shown.cells[0].day
    return page(
        request,
        "patient.html",
        account.language,
        account=account,
        as_of=now,
        page=shown,
        readings=sources.told(connection, found, shown.readings, since),
        sources=sources.of_patient(connection, found["id"], since),
        freshness=pages.freshness(connection, now),
        periods=PERIODS,
        close_reasons=CLOSE_REASONS,
        asked=asked,
    )


@router.get("/report.pdf")
def report_of(connection: Connection, account: Carer, found: Patient, days: int = 30) -> Response:
    """Answer with the page for the doctor."""
    now = datetime.now(UTC)
    made = report.make(_patient_page(connection, found, days, now), words(account.language), now)
    disposition = f'inline; filename="balise-{found["code"]}.pdf"'
    return Response(
        made, media_type="application/pdf", headers={"Content-Disposition": disposition}
    )


@router.post("/signals/{signal}")
def act(
    connection: Connection,
    account: Carer,
    found: Patient,
    signal: int,
    state: Annotated[str, Form(pattern="^(seen|in_hand|closed|reopened)$")],
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Move a signal on in its life; what was not done, the patient's page says."""
    home = f"/patients/{found['code']}"
    chosen = reason if state == "closed" and reason in CLOSE_REASONS else ""
    if state == "closed" and not chosen:
        return RedirectResponse(f"{home}?undone=unsaid", status_code=303)
    if not pages.act(connection, found["id"], signal, who=account.name, state=state, reason=chosen):
        return RedirectResponse(f"{home}?undone=overtaken", status_code=303)
    return RedirectResponse("/" if back == "/" else home, status_code=303)


@router.get("/readings/{series}/{stamp}/{sequence}")
def way(
    request: Request,
    connection: Connection,
    account: Carer,
    found: Patient,
    series: int,
    stamp: int,
    sequence: int,
) -> Response:
    """Show a reading's way back to the bytes."""
    shown = pages.way(connection, found["id"], series=series, stamp=stamp, sequence=sequence)
    if shown is None:
        raise HTTPException(404)
    reading: Row = {**shown.reading, "series": series, "sequence": sequence}
    (told,) = sources.told(connection, found, [reading], reading["taken_at"].date())
    return page(
        request,
        "way.html",
        account.language,
        account=account,
        patient=found,
        way=shown,
        told=told,
    )
