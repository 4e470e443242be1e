"""A word to the patient, on the page of the box at home, read in plain words."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, cast

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

import sql
from balise.errors import BrokerDown
from balise.remote import MESSAGE
from balise.settings import Settings
from care.web import boxes
from care.web.visit import Clinician, Connection, Patient, Written
from sql import rows

router = APIRouter(prefix="/patients/{code}")


@router.post("/message")
def tell(
    request: Request,
    connection: Connection,
    account: Clinician,
    patient: Patient,
    text: Annotated[Written, Form(max_length=300)],
) -> RedirectResponse:
    """Put a word on the patient's boxes; where it is on none the page says so."""
    found = rows.named(connection, "plans.boxes", subject=patient["id"])
    settings = cast("Settings", request.app.state.settings)
    word, count = text.strip(), 0
    if word:
        with suppress(BrokerDown):  # the page says that it went nowhere
            count = boxes.put(settings, [row["name"] for row in found], {MESSAGE: word})
    if count:
        keys = {"subject": patient["id"], "who": account.name, "text": word}
        connection.execute(sql.get("plans.tell"), {**keys, "boxes": count})
    told = "" if count else "?untold=1"
    return RedirectResponse(f"/patients/{patient['code']}{told}#message", status_code=303)
