"""FHIR of the team: alerts, who cares for a patient, what the patient was told, who looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, Query, Request, Response

from balise.whole import whole
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


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of a patient's rows with rising numbers: which page of them, how many."""

    request: Request
    connection: psycopg.Connection
    patient: str
    page: str
    count: int

    def of(self, query: str, make: Callable[[Row, str], dict[str, Any]]) -> Response:
        """Return the newest rows of a query, or those that follow on a page before.

        Each is made a resource by the patient's code.
        """
        only(self.request, "patient", "_count")
        found = patient_of(self.request, self.connection, self.patient)
        before = whole(self.page, _FIRST) if self.page else _FIRST
        if before is None:
            raise Refused(400, "value", "follow the next link as it is given")
        keys = {"subject": found["id"], "before": before}
        listed = rows.named(self.connection, query, **keys, limit=self.count + 1)
        made = [make(one, found["code"]) for one in listed[: self.count]]
        more = str(listed[self.count - 1]["id"]) if len(listed) > self.count else None
        return found_in(self.request, made, more)


def _search(
    request: Request,
    connection: Connection,
    _visitor: Visitor,
    patient: str = "",
    page: Annotated[str, Query(alias="_page")] = "",
    count: Count = 50,
) -> Search:
    return Search(request, connection, patient, page, count)


Asked = Annotated[Search, Depends(_search)]


@router.get("/Flag")
def flags(asked: Asked, visitor: Visitor) -> Response:
    """Search a patient's signals, the newest first."""
    w = words(visitor.language)

    def flag(row: Row, code: str) -> dict[str, Any]:
        return resources.flag(row, code, reason=w(f"reason.{row['rule']}", **row["figures"]))

    return asked.of("fhir.flags", flag)


@router.get("/Communication")
def communications(asked: Asked) -> Response:
    """Search what a patient was told on the box at home, the newest first."""
    return asked.of("fhir.communications", coordination.communication)


@router.get("/AuditEvent")
def audit_events(asked: Asked) -> Response:
    """Search who looked, changed and took away, the newest first, this search included."""
    return asked.of("audit.of_patient", audit_event)


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
