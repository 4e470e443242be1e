"""Somebody of the patient's own: who they are, and the one page that they see."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import psycopg
from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

import sql
from balise.metrics import METRICS
from care.readings import LEFT_OUT
from care.web import accounts, audit
from care.web.accounts import LINK_LIFETIME, Account
from care.web.pages import SILENT
from care.web.visit import AccountName, Carer, Connection, Helper, Patient, link_to, page
from sql import rows
from sql.roles import digest
from sql.rows import Row

own = APIRouter()
router = APIRouter(prefix="/patients/{code}/helpers")


@own.get("/helped")
def helped(request: Request, connection: Connection, account: Helper) -> HTMLResponse:
    """Show a helper what was measured last, whether the box is heard, and what the team said."""
    found = next(iter(rows.named(connection, "helpers.patient")), None)
    if found is not None:
        audit.note(request, connection, [found["id"]])
    measured = rows.named(connection, "helpers.readings", left_out=LEFT_OUT.value)
    now = datetime.now(UTC)
    return page(
        request,
        "helped.html",
        account.language,
        account=account,
        patient=found,
        readings=sorted(measured, key=lambda one: list(METRICS).index(one["metric"])),
        silent=found is not None and _is_silent(found["last_contact_at"], now),
    )


def _is_silent(last_contact_at: datetime | None, now: datetime) -> bool:
    return last_contact_at is None or now - last_contact_at > SILENT


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
    name: AccountName,
    agreed: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Make a helper's account and show its link; nobody is one without the patient's word."""
    if not agreed:
        return _page(request, connection, account, patient, trouble="agreed")
    token = secrets.token_urlsafe(32)
    keys = {"name": name, "subject": patient["id"], "digest": digest(token)}
    if not accounts.value(connection, "helpers.invite", **keys, lifetime=LINK_LIFETIME):
        return _page(request, connection, account, patient, trouble="taken")
    return _page(request, connection, account, patient, link=link_to(request, token), invited=name)


@router.post("/{name}/end")
def end(connection: Connection, _account: Carer, patient: Patient, name: str) -> Response:
    """Take a helper's account: from now on they see nothing."""
    row = connection.execute(sql.get("helpers.end"), {"name": name, "subject": patient["id"]})
    if not (row.fetchone() or (False,))[0]:
        raise HTTPException(404)
    return RedirectResponse(f"/patients/{patient['code']}/helpers", status_code=303)


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
