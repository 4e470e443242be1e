"""What a figure or a day's point rests on: its readings, each a click from its bytes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, HTTPException, Path, Request, Response

from balise.metrics import METRICS
from balise.model import Quality
from care.exchange import moment_of
from care.metrics.figure import SHOWN
from care.rollups import day_bounds
from care.web import pages
from care.web.accounts import Account
from care.web.visit import Carer, Connection, Patient, page
from sql import rows
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}")
LISTED = SHOWN
"""Readings of one page, the last ones; as many as a figure names."""

Name = Annotated[str, Path(pattern="^[a-z0-9_]+$", max_length=100)]


@router.get("/figures/{name}")
def of_figure(
    request: Request, connection: Connection, account: Carer, found: Patient, name: Name
) -> Response:
    """Show the readings that a figure of the newest summary rests on."""
    summary = rows.named(connection, "care.summary_of", subject=found["id"])
    figures: list[Row] = summary[0]["figures"] if summary else []
    figure = next((one for one in figures if one["name"] == name), None)
    if figure is None:
        raise HTTPException(404)
    readings = _of_keys(connection, found["id"], figure["evidence"][-LISTED:])
    since, until = date.fromisoformat(figure["start"]), date.fromisoformat(figure["end"])
    return _page(request, account, found, readings, figure=figure, since=since, until=until)


@router.get("/signals/{signal}")
def of_signal(
    request: Request, connection: Connection, account: Carer, found: Patient, signal: int
) -> Response:
    """Show the readings that a signal rests on."""
    held = rows.named(connection, "care.signal", subject=found["id"], signal=signal)
    if not held:
        raise HTTPException(404)
    readings = _of_keys(connection, found["id"], held[0]["evidence"][-LISTED:])
    return _page(request, account, found, readings, signal=held[0])


@router.get("/days/{metric}/{day}")
def of_day(
    request: Request,
    connection: Connection,
    account: Carer,
    found: Patient,
    metric: Name,
    day: date,
) -> Response:
    """Show the readings of a metric on a local day, the newest ones of a stream."""
    if metric not in METRICS or not date.min < day < date.max:
        raise HTTPException(404)
    since, until = day_bounds(day, found["time_zone"])
    readings = rows.named(
        connection,
        "readings.of_day",
        subject=found["id"],
        metric=metric,
        day=day,
        since=since,
        until=until,
        limit=LISTED,
    )
    return _page(request, account, found, _linked(readings), metric=metric, day=day)


def _page(
    request: Request, account: Account, patient: Row, readings: list[Row], **of: Any
) -> Response:
    return page(
        request,
        "evidence.html",
        account.language,
        account=account,
        patient=patient,
        readings=readings,
        listed=LISTED,
        **of,
    )


def _of_keys(connection: psycopg.Connection, subject: int, keys: list[str]) -> list[Row]:
    """Return readings by the keys that figures write: series, stamp and sequence."""
    parts = [tuple(map(int, one.split("/"))) for one in keys]
    asked: dict[str, list[Any]] = {
        "series": [series for series, _, _ in parts],
        "stamped_at": [moment_of(stamp) for _, stamp, _ in parts],
        "sequence": [sequence for _, _, sequence in parts],
    }
    return _linked(rows.named(connection, "readings.of_keys", subject=subject, **asked))


def _linked(readings: list[Row]) -> list[Row]:
    """Return readings with what leads to their bytes; of one moment the systolic comes first."""
    order = {metric: place for place, metric in enumerate(METRICS)}
    return [
        {**one, "key": pages.key(one), "quality": Quality(one["quality"])}
        for one in sorted(
            sorted(readings, key=lambda one: order[one["metric"]]),
            key=lambda one: one["taken_at"],
            reverse=True,
        )
    ]
