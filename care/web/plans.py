"""A patient's plan, pauses, notes and team: seen by all who follow, signed by a clinician."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

import sql
from balise.errors import PlanUnsafe
from care.metrics.home_blood_pressure import PROTOCOLS
from care.pathways import PATHWAYS
from care.pathways.pathway import Pathway
from care.plan import LONGEST_DELAY, Away, Plan, limits_of, written
from care.rules.rule import Limit
from care.web.visit import (
    Carer,
    Clinician,
    Connection,
    Fields,
    Patient,
    Written,
    page,
    written_over,
)
from sql import plans, rows
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}")

ROLES = ("hospital", "general_practitioner", "nurse", "social_worker", "relative")
LONGEST_PAUSE = timedelta(days=180)
_HOUR = timedelta(hours=1)


class Trouble(IntEnum):
    """Why a form did not hold, as the answer's status."""

    OVERTAKEN = 409
    UNPAUSED = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One number of the form: what it is, what stands in it, between what it may be."""

    name: str
    label: str
    unit: str
    value: str
    usual: str
    lowest: str
    highest: str


@router.get("/plan")
def show(
    request: Request, connection: Connection, account: Carer, patient: Patient
) -> HTMLResponse:
    """Show what is set for a patient, and since when."""
    return _page(request, connection, account, patient)


@router.post("/plan")
def sign(
    request: Request, connection: Connection, account: Clinician, patient: Patient, form: Fields
) -> Response:
    """Sign the plan of the form; what can't be used comes back with what may stand there."""
    pathway = PATHWAYS[patient["pathway"]]
    try:
        plan = written(pathway, form)
    except PlanUnsafe as unsafe:
        return _page(request, connection, account, patient, said=form, unsafe=unsafe)
    signed = plans.sign(
        connection,
        patient["id"],
        plan.content(),
        over=written_over(form),
        who=account.name,
        pathway=form.get("pathway", pathway.name),
    )
    if not signed:
        return _page(request, connection, account, patient, said=form, trouble=Trouble.OVERTAKEN)
    return RedirectResponse(f"/patients/{patient['code']}/plan", status_code=303)


@router.post("/pauses")
def pause(
    request: Request,
    connection: Connection,
    account: Clinician,
    patient: Patient,
    first: Annotated[date, Form()],
    last: Annotated[date, Form()],
    reason: Annotated[Away, Form()],
) -> Response:
    """Expect nothing of a patient for some days."""
    if not timedelta() <= last - first <= LONGEST_PAUSE:
        return _page(request, connection, account, patient, trouble=Trouble.UNPAUSED)
    plans.pause(connection, patient["id"], first=first, last=last, reason=reason, who=account.name)
    return RedirectResponse(f"/patients/{patient['code']}/plan#pauses", status_code=303)


@router.post("/pauses/{number}/end")
def resume(
    connection: Connection, account: Clinician, patient: Patient, number: int
) -> RedirectResponse:
    """Expect measurements again from today on."""
    today = datetime.now(UTC).astimezone(ZoneInfo(patient["time_zone"])).date()
    plans.resume(connection, patient["id"], number, today=today, who=account.name)
    return RedirectResponse(f"/patients/{patient['code']}/plan#pauses", status_code=303)


@router.post("/notes")
def write(
    connection: Connection,
    account: Carer,
    patient: Patient,
    text: Annotated[Written, Form(max_length=2000)],
) -> RedirectResponse:
    """Tell the others of the team something."""
    if text.strip():
        keys = {"subject": patient["id"], "who": account.name, "text": text.strip()}
        connection.execute(sql.get("plans.write_note"), keys)
    return RedirectResponse(f"/patients/{patient['code']}#notes", status_code=303)


@router.post("/team")
def join(
    connection: Connection,
    account: Carer,
    patient: Patient,
    name: Annotated[str, Form(max_length=100)],
    role: Annotated[str, Form()],
    contact: Annotated[str, Form(max_length=100)] = "",
) -> RedirectResponse:
    """Add somebody who cares for a patient."""
    if name.strip() and role in ROLES:
        keys = {"name": name.strip(), "role": role, "contact": contact.strip()}
        connection.execute(
            sql.get("plans.join_team"), {"subject": patient["id"], "who": account.name, **keys}
        )
    return RedirectResponse(f"/patients/{patient['code']}/plan#team", status_code=303)


@router.post("/team/{member}/leave")
def leave(
    connection: Connection, _account: Carer, patient: Patient, member: int
) -> RedirectResponse:
    """Take somebody off the team; the history keeps them."""
    keys = {"subject": patient["id"], "member": member}
    connection.execute(sql.get("plans.leave_team"), keys)
    return RedirectResponse(f"/patients/{patient['code']}/plan#team", status_code=303)


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Carer,
    patient: Row,
    *,
    said: Mapping[str, str] | None = None,
    unsafe: PlanUnsafe | None = None,
    trouble: Trouble | None = None,
) -> HTMLResponse:
    subject, pathway = patient["id"], PATHWAYS[patient["pathway"]]
    history = rows.named(connection, "plans.history", subject=subject)
    newest = history[0] if history else None
    holds = newest is not None and newest["pathway"] == pathway.name
    plan = Plan.of(newest["version"], newest["content"]) if newest and holds else Plan()
    over = str(newest["version"]) if newest else "0"
    return page(
        request,
        "plan.html",
        account.language,
        account=account,
        status=422 if unsafe else trouble or 200,
        patient=patient,
        pathway=pathway,
        plan=plan,
        over=(said or {}).get("over", over) if unsafe else over,
        fields=_fields(pathway, plan, said or {}),
        protocols=PROTOCOLS if pathway.protocol else {},
        protocol=(said or {}).get("protocol") or plan.protocol or pathway.protocol,
        history=[{**one, "changes": _changes(PATHWAYS[one["pathway"]], one)} for one in history],
        pauses=rows.named(connection, "plans.pauses", subject=subject),
        today=datetime.now(UTC).astimezone(ZoneInfo(patient["time_zone"])).date(),
        away=list(Away),
        team=rows.named(connection, "plans.team", subject=subject),
        roles=ROLES,
        unsafe=unsafe,
        overtaken=trouble is Trouble.OVERTAKEN,
        unpaused=trouble is Trouble.UNPAUSED,
        longest=LONGEST_PAUSE.days,
    )


def _fields(pathway: Pathway, plan: Plan, said: Mapping[str, str]) -> list[Field]:
    """Return the form's numbers, with what somebody just wrote where it was refused."""
    limits = [_limit_field(one, plan) for one in limits_of(pathway)]
    most = str(LONGEST_DELAY // _HOUR)
    delays = [
        Field(
            name=f"delay.{metric}",
            label=f"metric.{metric}",
            unit="h",
            value=str(delay // _HOUR),
            usual=str(pathway.expected[metric] // _HOUR),
            lowest="1",
            highest=most,
        )
        for metric, delay in plan.expected(pathway).items()
    ]
    return [replace(one, value=said.get(one.name, one.value)) for one in (*limits, *delays)]


def _limit_field(limit: Limit, plan: Plan) -> Field:
    return Field(
        name=f"limit.{limit.name}",
        label=f"limit.{limit.name}",
        unit=limit.unit,
        value=str(plan.limits.get(limit.name, limit.value)),
        usual=str(limit.value),
        lowest=str(limit.lowest),
        highest=str(limit.highest),
    )


def _changes(pathway: Pathway, signed: Row) -> list[tuple[str, str | Decimal, str]]:
    """Return what a version set otherwise than the pathway: label, value, unit."""
    plan = Plan.of(signed["version"], signed["content"])
    units = {one.name: one.unit for one in limits_of(pathway)}
    return [
        *((f"limit.{name}", value, units.get(name, "1")) for name, value in plan.limits.items()),
        *((f"metric.{name}", str(delay // _HOUR), "h") for name, delay in plan.delays.items()),
        *([("plan.protocol", plan.protocol, "1")] if plan.protocol else []),
    ]
