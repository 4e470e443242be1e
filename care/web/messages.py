"""A word to the patient, on the page of the box at home: sealed by the site, read in plain words.

It travels as a box's settings do (`balise gateway set`): one that is away shows it once it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

import sql
from balise.authority import Authority
from balise.errors import BaliseError
from balise.remote import MESSAGE, Value
from balise.settings import Settings
from care.web.plans import Patient
from care.web.visit import Clinician, Connection
from ingest import send_settings
from ingest.mqtt import Broker
from sql import rows

_log = structlog.get_logger(__name__)
_SECONDS = 5.0

router = APIRouter(prefix="/patients/{code}")


@router.post("/message")
def tell(
    request: Request,
    connection: Connection,
    account: Clinician,
    patient: Patient,
    text: Annotated[str, Form(max_length=300)],
) -> RedirectResponse:
    """Put a word on the patient's boxes; where it is on none the page says so."""
    found = rows.named(connection, "plans.boxes", subject=patient["id"])
    settings = cast("Settings", request.app.state.settings)
    count = put(settings, [row["name"] for row in found], text.strip())
    if count:
        keys = {"subject": patient["id"], "who": account.name, "text": text.strip()}
        connection.execute(sql.get("plans.tell"), {**keys, "boxes": count})
    told = "" if count else "?untold=1"
    return RedirectResponse(f"/patients/{patient['code']}{told}#message", status_code=303)


def put(settings: Settings, boxes: Sequence[str], text: str) -> int:
    """Put a text on boxes that were let in here; return on how many it is."""
    return sum(_is_put(settings, name, text) for name in boxes) if text else 0


def _is_put(settings: Settings, name: str, text: str) -> bool:
    try:
        site, broker = Authority(settings.home), Broker(settings)
        if not site.ledger.issued(name):
            return False
        before = send_settings.last_said(broker, name, _SECONDS)

        def change(held: dict[str, Value]) -> dict[str, Value]:
            return {**held, MESSAGE: text}

        _sent, payload = site.set(name, change, above=before.version)
        send_settings.post(broker, name, payload, _SECONDS)
    except BaliseError as error:
        _log.warning("message_not_put", error=type(error).__name__)
        return False
    return True
