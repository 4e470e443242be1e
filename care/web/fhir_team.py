"""FHIR of the team: alerts, who cares for a patient, and what the patient was told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from care.fhir import coordination, resources
from care.web.fhir_visit import Count, Refused, Visitor, found_in, only, patient_of
from care.web.visit import Connection
from care.web.words import words
from sql import rows

router = APIRouter(prefix="/fhir")
_FIRST = 1 << 62
"""Above every number there is: the newest are listed first."""


def _before(page: str) -> int:
    """Return the number that a page goes down from."""
    if page and not (page.isascii() and page.isdigit() and int(page) < _FIRST):
        raise Refused(400, "value", "follow the next link as it is given")
    return int(page) if page else _FIRST


@router.get("/Flag")
def flags(
    request: Request,
    connection: Connection,
    visitor: Visitor,
    patient: str = "",
    page: Annotated[str, Query(alias="_page")] = "",
    count: Count = 50,
) -> Response:
    """Search a patient's signals, the newest first."""
    only(request, "patient", "_count")
    found = patient_of(connection, patient)
    w = words(visitor.language)
    keys = {"subject": found["id"], "before": _before(page), "limit": count + 1}
    signals = rows.named(connection, "fhir.flags", **keys)
    made = [
        resources.flag(one, found["code"], reason=w(f"reason.{one['rule']}", **one["figures"]))
        for one in signals[:count]
    ]
    return found_in(request, made, str(signals[count - 1]["id"]) if len(signals) > count else None)


@router.get("/Communication")
def communications(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    patient: str = "",
    page: Annotated[str, Query(alias="_page")] = "",
    count: Count = 50,
) -> Response:
    """Search what a patient was told on the box at home, the newest first."""
    only(request, "patient", "_count")
    found = patient_of(connection, patient)
    keys = {"subject": found["id"], "before": _before(page), "limit": count + 1}
    told = rows.named(connection, "fhir.communications", **keys)
    made = [coordination.communication(one, found["code"]) for one in told[:count]]
    return found_in(request, made, str(told[count - 1]["id"]) if len(told) > count else None)


@router.get("/CareTeam")
def care_team(
    request: Request, connection: Connection, visitor: Visitor, patient: str = ""
) -> Response:
    """Search who cares for a patient: one team, none where nobody is in it."""
    only(request, "patient")
    found = patient_of(connection, patient)
    w = words(visitor.language)
    members = [
        {**one, "role": w(f"role.{one['role']}")}
        for one in rows.named(connection, "plans.team", subject=found["id"])
    ]
    made = [coordination.care_team(members, found["code"])] if members else []
    return found_in(request, made)
