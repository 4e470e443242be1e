"""Somebody of the patient's own: who they are, and the one page that they see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from balise.metrics import METRICS
from balise.metrics.metric import Rollup
from care.web import accounts, audit
from care.web.accounts import LINK_LIFETIME, Account
from care.web.pages import SILENT
from care.web.visit import Carer, Connection, Helper, Patient, link_to, page
from sql import rows
from sql.rows import Row

own = APIRouter()
router = APIRouter(prefix="/patients/{code}/helpers")


@own.get("/helped")
def helped(request: Request, connection: Connection, account: Helper) -> HTMLResponse:
    """Show a helper what was measured last, whether the box is heard, and what the team said."""
    found = next(iter(rows.named(connection, "helpers.patient")), None)
    if found is not None:
        audit.note(request, connection, [found["id"]])
    now = datetime.now(UTC)
    return page(
        request,
        "helped.html",
        account.language,
        account=account,
        patient=found,
        figures=_figures(connection, found["time_zone"]) if found is not None else [],
        silent=found is not None and _is_silent(found, now),
    )


def _figures(connection: psycopg.Connection, time_zone: str) -> list[Row]:
    """Return each metric's newest figure: a day's sum, or an hour's last value and that hour."""
    order = list(METRICS)
    found = sorted(
        rows.named(connection, "helpers.figures"), key=lambda one: order.index(one["metric"])
    )
    for one in found:
        summed = METRICS[one["metric"]].rollup is Rollup.SUM
        value: float = one["sum"] if summed else one["last"]
        one["value"] = int(value) if value.is_integer() else value
        one["hour"] = None if summed else one["hour"].astimezone(ZoneInfo(time_zone)).hour
    return found


def _is_silent(found: Row, now: datetime) -> bool:
    """Say whether there is a box, and nothing of it was heard for a day."""
    last = found["last_contact_at"]
    return bool(found["boxes"]) and (last is None or now - last > SILENT)


@router.get("")
def listed(
    request: Request, connection: Connection, account: Carer, patient: Patient
) -> HTMLResponse:
    """Show who helps a patient."""
    return _page(request, connection, account, patient)


@router.post("")
def invite(
    request: Request,
    connection: Connection,
    account: Carer,
    patient: Patient,
    called: Annotated[str, Form(max_length=100)] = "",
    agreed: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Make a helper's account and show its link; nobody is one without the patient's word."""
    who = called.strip()
    if not (who and agreed):
        return _page(request, connection, account, patient, trouble="agreed")
    made = accounts.invite_helper(connection, patient["id"], called=who)
    return _invited(request, connection, account, patient, made)


@router.post("/{name}/link")
def link(
    request: Request, connection: Connection, account: Carer, patient: Patient, name: str
) -> HTMLResponse:
    """Make another link for a helper who has lost theirs, or their password."""
    made = accounts.invite_helper(connection, patient["id"], name=name)
    return _invited(request, connection, account, patient, made)


@router.post("/{name}/end")
def end(connection: Connection, _account: Carer, patient: Patient, name: str) -> Response:
    """Take a helper's account: from now on they see nothing."""
    if not rows.value(connection, "helpers.end", name=name, subject=patient["id"]):
        raise HTTPException(404)
    return RedirectResponse(f"/patients/{patient['code']}/helpers", status_code=303)


def _invited(
    request: Request,
    connection: psycopg.Connection,
    account: Account,
    patient: Row,
    made: tuple[str, str] | None,
) -> HTMLResponse:
    if made is None:
        return _page(request, connection, account, patient, trouble="refused")
    name, token = made
    return _page(request, connection, account, patient, link=link_to(request, token), invited=name)


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Account,
    patient: Row,
    *,
    trouble: str = "",
    link: str = "",
    invited: str = "",
) -> HTMLResponse:
    return page(
        request,
        "helpers.html",
        account.language,
        status=422 if trouble else 200,
        account=account,
        patient=patient,
        helpers=rows.named(connection, "helpers.of_patient", subject=patient["id"]),
        trouble=trouble,
        link=link,
        invited=invited,
        days=LINK_LIFETIME.days,
    )
