"""NEWS2 at a visit: what devices measured today stands in the form, a person says the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.types.json import Jsonb

import sql
from balise.errors import ObservationUnsafe
from balise.model import Quality
from care.early_warning import NUMBERS, content, is_observed, written
from care.findings import UNTIMED
from care.metrics.news2 import Consciousness, Observations, Score, score
from care.metrics.oxygen_saturation import POOR
from care.readings import measured, placed
from care.web.visit import Carer, Clinician, Connection, Fields, Patient, page
from sql import rows, signals
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}")

FRESH = timedelta(hours=12)
"""How old a device's value may be to stand in the form: a score is of one time."""

_DOUBTFUL = POOR | Quality(UNTIMED) | Quality.SUMMARY_STATISTIC
"""What is no value of this hour: a score is not made of averages, nor of a loose finger clip."""


@router.get("/news2")
def show(
    request: Request, connection: Connection, account: Carer, patient: Patient
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
    if not is_observed(seen):
        return _page(request, connection, account, patient, said=form, nothing=True)
    made, observed = score(seen), content(seen)
    keys = {"subject": patient["id"], "who": account.name, "observed": Jsonb(observed)}
    result = {"parts": Jsonb(made.parts), "total": made.total, "risk": made.risk}
    connection.execute(sql.get("early_warning.keep"), keys | result)
    return RedirectResponse(f"/patients/{patient['code']}/news2", status_code=303)


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Carer,
    patient: Row,
    *,
    said: Mapping[str, str] | None = None,
    unsafe: ObservationUnsafe | None = None,
    nothing: bool = False,
) -> HTMLResponse:
    now = datetime.now(UTC)
    fresh = _fresh(connection, patient, now)
    before = rows.named(connection, "early_warning.newest", subject=patient["id"])
    values = {name: f"{row['value'].normalize():f}" for name, row in fresh.items()}
    return page(
        request,
        "news2.html",
        account.language,
        account=account,
        status=422 if unsafe or nothing else 200,
        nothing=nothing,
        patient=patient,
        numbers=NUMBERS,
        measured=fresh,
        # The prescribed target is of the patient, not of the visit: it stays, and says whose it is.
        said={"hypercapnic": _scale(before), **(values if said is None else said)},
        conscious=list(Consciousness),
        unsafe=unsafe,
        parts=list(score(Observations()).parts),
        before=[{**one, "score": Score(one["parts"])} for one in before],
    )


def _scale(before: Sequence[Row]) -> str:
    return "yes" if before and before[0]["observed"]["hypercapnic"] else "no"


def _fresh(connection: psycopg.Connection, patient: Row, now: datetime) -> dict[str, Row]:
    """Return the newest measurement of each metric that is of now, of those that rules go by."""
    since = (now - FRESH).date() - timedelta(days=1)
    found = signals.readings(
        connection, patient["id"], metrics=NUMBERS, since=since, as_of=now
    ).filter(measured(_DOUBTFUL) & (pl.col("taken_at") >= now - FRESH))
    newest = placed(found, patient["time_zone"]).group_by("metric", maintain_order=True).last()
    return {row["metric"]: row for row in newest.iter_rows(named=True)}
