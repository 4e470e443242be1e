"""That somebody looked: said of one patient, or at once of all who are well, and told at home.

The page of the box says on which day, in its own words. A box that can't be told now is told with
the next look: what waits is in the table, and the patient's page says so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, cast

import psycopg
from fastapi import APIRouter, BackgroundTasks, Form, Request
from fastapi.responses import RedirectResponse

import sql
from balise.remote import LOOKED
from balise.settings import Settings
from care.web import boxes
from care.web.visit import Clinician, Connection, Patient
from sql import rows

router = APIRouter()
of_one = APIRouter(prefix="/patients/{code}")


@router.post("/looked")
def look_at_all(
    request: Request,
    connection: Connection,
    account: Clinician,
    after: BackgroundTasks,
    as_of: Annotated[datetime, Form()],
) -> RedirectResponse:
    """Take note that all who were well on the list were looked at; their boxes are told after.

    `as_of` is when the list was made: what was measured later is nobody's look.
    """
    keys = {"who": account.name, "as_of": as_of.astimezone(UTC)}
    count = len(connection.execute(sql.get("looked.look_at_well"), keys).fetchall())
    after.add_task(tell_all, cast("Settings", request.app.state.settings))
    return RedirectResponse(f"/?looked={count}", status_code=303)


@of_one.post("/looked")
def look_at_one(
    request: Request, connection: Connection, account: Clinician, patient: Patient
) -> RedirectResponse:
    """Take note that a patient's measurements were looked at, and tell the boxes."""
    keys = {"subject": patient["id"], "who": account.name, "as_of": datetime.now(UTC)}
    connection.execute(sql.get("looked.look_at"), keys)
    tell(connection, cast("Settings", request.app.state.settings), patient["id"])
    return RedirectResponse(f"/patients/{patient['code']}#message", status_code=303)


def tell_all(settings: Settings) -> None:
    """Tell every box that waits, over a connection of its own: the page's is closed by now."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        tell(connection, settings)


def tell(connection: psycopg.Connection, settings: Settings, subject: int | None = None) -> None:
    """Put the day of the last look on the boxes of a patient, or of all for whom it waits."""
    for row in rows.named(connection, "looked.waiting", subject=subject):
        count = boxes.put(settings, row["boxes"], {LOOKED: row["day"].isoformat()})
        if count:
            keys = {"subject": row["subject"], "newest": row["newest"], "count": count}
            connection.execute(sql.get("looked.put"), keys)
