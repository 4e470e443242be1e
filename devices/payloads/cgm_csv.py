"""Continuous glucose series as CSV: columns id, time and gl (mg/dL), as the iglu packages keep it.

A document is the header and one row, so that each row is accepted or refused by itself. The time
is a wall clock without zone: the patient's zone places it, and the quality says so.
"""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal, InvalidOperation

from balise.model import Decoded, Value
from devices.payloads.convention import Convention
from devices.payloads.document import invalid

COLUMNS = ("id", "time", "gl")


def _read(text: str) -> tuple[Decoded, ...]:
    rows = list(csv.DictReader(text.splitlines()))
    if len(rows) != 1 or any(rows[0].get(column) is None for column in COLUMNS):
        raise invalid(f"a row needs the columns {', '.join(COLUMNS)}")
    row = rows[0]
    try:
        glucose = Decimal(row["gl"])
    except InvalidOperation as error:
        raise invalid("gl is no number") from error
    if not glucose.is_finite():
        raise invalid("gl is no number")
    try:
        wall = datetime.fromisoformat(row["time"])
    except ValueError as error:
        raise invalid("time is no date and time") from error
    return (
        Decoded(
            readings=(Value(metric="interstitial_glucose", value=glucose, unit="mg/dL"),),
            device_time=wall.replace(tzinfo=None),
            person=row["id"],
        ),
    )


CONVENTION = Convention(name="cgm_csv", title="CGM series (CSV)", read=_read)
