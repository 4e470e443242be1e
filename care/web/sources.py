"""Several devices for one metric, on a patient's page: which counts, why, and who chose it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from balise.metrics import METRICS
from care.sources import ONE_COUNTS
from care.web import pages
from care.web.visit import Carer, Connection, Patient
from sql import preferred
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that several devices tell, "" for every metric; `preferred` is what holds now."""

    name: str
    devices: list[Row]
    preferred: Row | None
    history: list[Row]

    @property
    def one_counts(self) -> bool:
        """Whether one device alone counts though nobody chose it."""
        return self.name in ONE_COUNTS


def of_patient(connection: psycopg.Connection, subject: int, since: date) -> list[Metric]:
    """Return the metrics for which a patient has several devices, or a preference."""
    devices: defaultdict[str, list[Row]] = defaultdict(list)
    for row in preferred.of_patient(connection, subject, since):
        devices[row["metric"]].append(row)
    history: defaultdict[str, list[Row]] = defaultdict(list)
    for row in preferred.preferences(connection, subject):
        history[row["metric"]].append(row)
    order = ["", *METRICS]
    return [
        Metric(name, devices[name], _holds(history[name]), history[name])
        for name in sorted(devices.keys() | history.keys(), key=order.index)
    ]


def _holds(history: list[Row]) -> Row | None:
    return next((row for row in history if row["holds"] and row["device"] is not None), None)


def told(
    connection: psycopg.Connection, patient: Row, readings: list[Row], since: date
) -> list[Row]:
    """Return readings with what was `found` of them, and whether they are `kept` uncounted."""
    subject, zone = patient["id"], ZoneInfo(patient["time_zone"])
    # A moment of that day in UTC may be of the day before where the patient lives.
    since -= timedelta(days=1)
    kept = {
        (row["metric"], row["day"], row["address"]): row
        for row in preferred.kept(connection, subject, since)
    }
    found: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in preferred.findings(connection, subject, since):
        other = {name: row[f"other_{name}"] for name in pages.KEY}
        found[_key(row)].append({**row, "link": pages.key(other)})
    return [
        {
            **row,
            "found": found[_key(row)],
            "kept": kept.get(
                (row["metric"], row["taken_at"].astimezone(zone).date(), row["address"])
            ),
        }
        for row in readings
    ]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in pages.KEY)


@router.post("/sources")
def prefer(
    connection: Connection,
    account: Carer,
    found: Patient,
    metric: Annotated[str, Form()] = "",
    device: Annotated[int | None, Form()] = None,
) -> RedirectResponse:
    """Prefer a device for a patient's metric, or leave it to the pathway again."""
    if not metric or metric in METRICS:
        known = preferred.known(connection, [found["id"]])[found["id"]]
        if device is None or device in known.devices:
            preferred.prefer(
                connection, found["id"], metric=metric, device=device, who=account.name
            )
    return RedirectResponse(f"/patients/{found['code']}#sources", status_code=303)
