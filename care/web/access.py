"""A patient's list of who looked, changed and took away: theirs to have, printed or read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from care.web.visit import Carer, Connection, Patient, page
from sql import rows

router = APIRouter(prefix="/patients/{code}")
LISTED = 100
FIRST = 1 << 62


@router.get("/access")
def listed(
    request: Request,
    connection: Connection,
    account: Carer,
    patient: Patient,
    before: Annotated[int, Query(ge=1, le=FIRST)] = FIRST,
) -> HTMLResponse:
    """Show who saw what of a patient, the newest first, this look included."""
    keys = {"subject": patient["id"], "before": before, "limit": LISTED + 1}
    found = rows.named(connection, "audit.of_patient", **keys)
    return page(
        request,
        "access.html",
        account.language,
        account=account,
        patient=patient,
        rows=found[:LISTED],
        more=found[LISTED - 1]["id"] if len(found) > LISTED else None,
    )
