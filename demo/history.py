"""Sixty days of made-up measurements as Open mHealth data points, for the import path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from demo import glucose
from demo.patients import Habit, VirtualPatient
from ingest.document import Document

DAYS = 60
_ZONE = ZoneInfo("Europe/Paris")
_VERSIONS = {"blood-pressure": "4.0", "body-weight": "2.0", "oxygen-saturation": "2.0"}
_MISSED = 0.06
"""The share of days on which nobody measures: no real series is complete."""


def documents(patient: VirtualPatient, now: datetime) -> Iterator[Document]:
    """Yield a patient's history up to now; the same patient and day give the same values."""
    today = now.astimezone(_ZONE).date()
    for days_ago in range(DAYS - 1, patient.silent_for - 1, -1):
        day = today - timedelta(days=days_ago)
        random = Random(f"{patient.code} {day.isoformat()}")  # noqa: S311 - a demo, no secret
        if days_ago > 6 and random.random() < _MISSED:
            continue
        for habit in patient.habits:
            for hour in habit.hours:
                minute = timedelta(minutes=random.randrange(0, 40), seconds=random.randrange(60))
                at = datetime.combine(day, time(hour), _ZONE).astimezone(UTC) + minute
                if at < now:
                    yield _document(habit, random, days_ago, at)
    yield from _sensed(patient, now)


def _sensed(patient: VirtualPatient, now: datetime) -> Iterator[Document]:
    """Yield what a glucose sensor says, as its own software exports it."""
    local = now.astimezone(_ZONE).replace(tzinfo=None)
    for days_ago in range(patient.sensor_days - 1, -1, -1):
        day = local.date() - timedelta(days=days_ago)
        random = Random(f"{patient.code} sensor {day.isoformat()}")  # noqa: S311 - a demo
        for number, value in enumerate(glucose.day(random)):
            at = datetime.combine(day, time()) + number * timedelta(minutes=glucose.STEP)
            if at < local:
                yield Document("cgm_csv", f"id,time,gl\n{patient.code},{at},{value}\n")


def _number(value: Decimal) -> float | int:
    """Return a number that JSON writes as the device would: 127, not 127.0."""
    return int(value) if value == value.to_integral_value() else float(value)


def _document(habit: Habit, random: Random, days_ago: int, at: datetime) -> Document:
    body: dict[str, object] = {
        metric: {"value": _number(series(random, days_ago)), "unit": unit}
        for metric, (series, unit) in habit.values.items()
    }
    body["effective_time_frame"] = {"date_time": at.isoformat()}
    header = {
        "schema_id": {
            "namespace": "omh",
            "name": habit.schema,
            "version": _VERSIONS.get(habit.schema, "2.0"),
        },
        "acquisition_provenance": {"source_name": "Balise demo", "modality": "sensed"},
    }
    return Document("open_mhealth", json.dumps({"header": header, "body": body}))
