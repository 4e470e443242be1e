"""NEWS2 at a visit: what devices measured today stands in the form, a person says the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.types.json import Jsonb

import sql
from balise.errors import ObservationUnsafe
from balise.model import Quality
from care.early_warning import NUMBERS, content, written
from care.metrics.news2 import Consciousness, score
from care.readings import LEFT_OUT
from care.web.visit import Clinician, Connection, Fields, Patient, SignedIn, page
from sql import rows
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}")

FRESH = timedelta(hours=12)
"""How old a device's value may be to stand in the form: a score is of one time."""

_LOOKED_AT = 8
"""Readings in which one that is a measurement is looked for."""


@router.get("/news2")
def show(
    request: Request, connection: Connection, account: SignedIn, patient: Patient
) -> HTMLResponse:
    """Show the form and what was observed before."""
    return _page(request, connection, account, patient)


@router.post("/news2")
def keep(
    request: Request, connection: Connection, account: Clinician, patient: Patient, form: Fields
) -> Response:
    """Keep what was observed with its score; what can't be used comes back with what may stand."""
    try:
        seen = written(form)
    except ObservationUnsafe as unsafe:
        return _page(request, connection, account, patient, said=form, unsafe=unsafe)
    made = score(seen)
    if len(made.missing) < len(made.parts):
        keys = {"subject": patient["id"], "who": account.name, "observed": Jsonb(content(seen))}
        result = {"parts": Jsonb(made.parts), "total": made.total, "risk": made.risk}
        connection.execute(sql.get("early_warning.keep"), keys | result)
    return RedirectResponse(f"/patients/{patient['code']}/news2", status_code=303)


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: SignedIn,
    patient: Row,
    *,
    said: Mapping[str, str] | None = None,
    unsafe: ObservationUnsafe | None = None,
) -> HTMLResponse:
    now = datetime.now(UTC)
    fresh = _fresh(connection, patient["id"], now)
    before = rows.named(connection, "early_warning.newest", subject=patient["id"])
    measured = {name: str(row["value"].normalize()) for name, row in fresh.items()}
    return page(
        request,
        "news2.html",
        account.language,
        account=account,
        status=422 if unsafe else 200,
        patient=patient,
        numbers=NUMBERS,
        measured=fresh,
        said=measured if said is None else said,
        # The prescribed target is of the patient, not of the visit.
        hypercapnic=bool(before and before[0]["observed"]["hypercapnic"]),
        conscious=list(Consciousness),
        unsafe=unsafe,
        before=before,
    )


def _fresh(connection: psycopg.Connection, subject: int, now: datetime) -> dict[str, Row]:
    """Return the newest measurement of each metric that is of now."""
    keys = {"subject": subject, "since": now - FRESH, "limit": _LOOKED_AT}
    found: dict[str, Row] = {}
    for name in NUMBERS:
        for row in rows.named(connection, "readings.of_subject", metric=name, **keys):
            if not Quality(row["quality"]) & LEFT_OUT and row["taken_at"] <= now:
                found.setdefault(name, row)
    return found
