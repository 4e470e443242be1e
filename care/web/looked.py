"""That somebody looked: said of one patient, or at once of all without an alert, and told at home.

The page of the box says on which day, in its own words. A box that can't be told now is told with
the next look: what waits is in the table, and the patient's page says so.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Annotated

import structlog
from fastapi import APIRouter, BackgroundTasks, Form, Request
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime

import sql
from balise.errors import BrokerDown
from balise.remote import LOOKED
from balise.settings import Settings
from care.web import audit, boxes, pages
from care.web.visit import Clinician, Connection, Patient, settings_of
from sql import rows
from sql.roles import Role, connect

_log = structlog.get_logger(__name__)
router = APIRouter()
of_one = APIRouter(prefix="/patients/{code}")

OLDEST = timedelta(hours=12)
"""How long ago a page may have been made for somebody to have looked at it now."""

_TELLING, _AGAIN = Lock(), Event()


AsOf = Annotated[AwareDatetime, Form()]
"""When the page was made that somebody looked at."""


def _holds(as_of: datetime) -> bool:
    """Say whether it is a page of today; none is made in the future."""
    now = datetime.now(UTC)
    return now - OLDEST <= as_of <= now


@router.post("/looked")
def look_at_all(
    request: Request,
    connection: Connection,
    account: Clinician,
    after: BackgroundTasks,
    as_of: AsOf,
) -> RedirectResponse:
    """Take note that all without an alert on the list were looked at; their boxes are told after.

    Nobody while the line is late: an alert may be on its way. Nobody by yesterday's list either.
    """
    keys = {"who": account.name, "as_of": as_of}
    count = 0
    if _holds(as_of) and not pages.freshness(connection, datetime.now(UTC)).late_since:
        with connection.transaction():
            seen = connection.execute(sql.get("looked.look_at_well"), keys).fetchall()
            audit.note(request, connection, [row[0] for row in seen])
        count = len(seen)
    after.add_task(tell_all, settings_of(request))
    return RedirectResponse(f"/?looked={count}", status_code=303)


@of_one.post("/looked")
def look_at_one(
    request: Request, connection: Connection, account: Clinician, patient: Patient, as_of: AsOf
) -> RedirectResponse:
    """Take note that a patient's measurements were looked at, and tell the boxes."""
    keys = {"subject": patient["id"], "who": account.name, "as_of": as_of}
    if _holds(as_of):
        connection.execute(sql.get("looked.look_at"), keys)
    with suppress(BrokerDown):  # the page says that no box shows it yet
        tell(settings_of(request), patient["id"])
    return RedirectResponse(f"/patients/{patient['code']}#message", status_code=303)


def tell_all(settings: Settings) -> None:
    """Tell every box that waits, which may take minutes; whoever comes meanwhile has it go on."""
    _AGAIN.set()
    while _AGAIN.is_set() and _TELLING.acquire(blocking=False):
        try:
            _AGAIN.clear()
            tell(settings)
        except BrokerDown:
            _log.warning("boxes_not_told", error="BrokerDown")
        finally:
            _TELLING.release()


def tell(settings: Settings, subject: int | None = None) -> None:
    """Put the day of the last look on the boxes of a patient, or of all for whom it waits.

    As a keeper: of a box that two patients share the other may be none whom the visitor follows.
    """
    with connect(settings.database_url, Role.KEEP) as connection:
        for row in rows.named(connection, "looked.waiting", subject=subject):
            count = boxes.put(settings, row["boxes"], {LOOKED: row["day"].isoformat()})
            if count:
                keys = {"subject": row["subject"], "newest": row["newest"], "count": count}
                connection.execute(sql.get("looked.put"), keys)
