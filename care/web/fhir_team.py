"""FHIR of the team: alerts, who cares for a patient, what the patient was told, who looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query, Request, Response

from care.fhir import coordination, resources
from care.fhir.audit_event import audit_event
from care.web.fhir_visit import Count, Refused, Visitor, found_in, only, patient_of
from care.web.visit import Connection
from care.web.words import words
from sql import rows
from sql.rows import Row

router = APIRouter(prefix="/fhir")
_FIRST = 1 << 62
"""Above every number there is: the newest are listed first."""


Page = Annotated[str, Query(alias="_page")]


@router.get("/Flag")
def flags(
    request: Request,
    connection: Connection,
    visitor: Visitor,
    patient: str = "",
    page: Page = "",
    count: Count = 50,
) -> Response:
    """Search a patient's signals, the newest first."""
    w = words(visitor.language)

    def flag(row: Row, code: str) -> dict[str, Any]:
        return resources.flag(row, code, reason=w(f"reason.{row['rule']}", **row["figures"]))

    listed = _Listed("fhir.flags", flag)
    return listed.page(request, connection, patient, page, count)


@router.get("/Communication")
def communications(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    patient: str = "",
    page: Page = "",
    count: Count = 50,
) -> Response:
    """Search what a patient was told on the box at home, the newest first."""
    listed = _Listed("fhir.communications", coordination.communication)
    return listed.page(request, connection, patient, page, count)


@router.get("/AuditEvent")
def audit_events(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    patient: str = "",
    page: Page = "",
    count: Count = 50,
) -> Response:
    """Search who looked, changed and took away, the newest first, this search included."""
    listed = _Listed("audit.of_patient", audit_event)
    return listed.page(request, connection, patient, page, count)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Rows of a patient with rising numbers, each made a resource by the patient's code."""

    query: str
    make: Callable[[Row, str], dict[str, Any]]

    def page(
        self, request: Request, connection: psycopg.Connection, patient: str, page: str, count: int
    ) -> Response:
        """Return the newest of them, or those that follow on a page before."""
        only(request, "patient", "_count")
        found = patient_of(request, connection, patient)
        if page and not (page.isascii() and page.isdigit() and int(page) < _FIRST):
            raise Refused(400, "value", "follow the next link as it is given")
        keys = {"subject": found["id"], "before": int(page) if page else _FIRST}
        listed = rows.named(connection, self.query, **keys, limit=count + 1)
        made = [self.make(one, found["code"]) for one in listed[:count]]
        more = str(listed[count - 1]["id"]) if len(listed) > count else None
        return found_in(request, made, more)


@router.get("/CareTeam")
def care_team(
    request: Request, connection: Connection, visitor: Visitor, patient: str = ""
) -> Response:
    """Search who cares for a patient: one team, none where nobody is in it."""
    only(request, "patient")
    found = patient_of(request, connection, patient)
    w = words(visitor.language)
    members = [
        {**one, "role": w(f"role.{one['role']}")}
        for one in rows.named(connection, "plans.team", subject=found["id"])
    ]
    made = [coordination.care_team(members, found["code"])] if members else []
    return found_in(request, made)
