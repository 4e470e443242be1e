"""Dexcom Clarity's CSV export: a document is the line of titles and one row of it.

Titles as Clarity writes them: `Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,
Patient Info,Device Info,Source Device ID,Glucose Value (mg/dL),…,Transmitter Time (Long Integer),
Transmitter ID`. The times are the display device's wall clock.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Quality, State, Value
from balise.whole import whole
from devices.payloads.convention import Convention
from devices.payloads.document import invalid, number

TIME = "Timestamp (YYYY-MM-DDThh:mm:ss)"
EVENT = "Event Type"
GLUCOSE = {"Glucose Value (mg/dL)": "mg/dL", "Glucose Value (mmol/L)": "mmol/L"}
MEASURED = {"EGV": "interstitial_glucose", "Calibration": "blood_glucose"}
"""Events that are figures: the sensor's estimate, and the finger-stick typed in to calibrate it."""

_KEPT = (TIME, EVENT, "Source Device ID", "Transmitter Time (Long Integer)", "Transmitter ID")
_NAMES = ("FirstName", "LastName")
_WORDS = {"Low": Quality.BELOW_MEASURING_RANGE, "High": Quality.ABOVE_MEASURING_RANGE}


def recognises(titles: Sequence[str]) -> bool:
    """Whether a line of titles is Clarity's; the one of the glucose says the unit."""
    return TIME in titles and EVENT in titles and not GLUCOSE.keys().isdisjoint(titles)


def kept(titles: Sequence[str]) -> list[str]:
    """Return the columns a document carries: those of the patient's name stay behind."""
    return [title for title in titles if title in _KEPT or title in GLUCOSE]


def name(row: Mapping[str, str]) -> str:
    """Return the part of the patient's name one of the first rows holds."""
    return row.get("Patient Info", "") if row.get(EVENT) in _NAMES else ""


def _read(text: str) -> tuple[Decoded, ...]:
    row = _row(text)
    metric = MEASURED.get(row[EVENT])
    if metric is None:
        raise PayloadError(
            f"event {row[EVENT]}: nothing Balise measures", reason=Reason.METRIC_UNKNOWN
        )
    (title, unit), *others = [pair for pair in GLUCOSE.items() if pair[0] in row]
    if others:
        raise invalid("glucose in two units: which is it?")
    said = row[title]
    outside = _WORDS.get(said, Quality.NONE)
    entered = Quality.NONE if row[EVENT] == "EGV" else Quality.SELF_REPORTED
    return (
        Decoded(
            readings=() if outside else (Value(metric=metric, value=_figure(said), unit=unit),),
            device_time=_time(row[TIME]),
            sequence=_sequence(row.get("Transmitter Time (Long Integer)", "")),
            device=row.get("Transmitter ID") or None,
            quality=outside | entered,
            state=State.NO_VALUE if outside else State.MEASURED,
        ),
    )


def _row(text: str) -> dict[str, str]:
    try:
        table = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise invalid(f"no CSV: {error}") from error
    if len(table) != 2 or len(table[0]) != len(table[1]) or not recognises(table[0]):
        raise invalid("a document is Clarity's line of titles and one row")
    return dict(zip(*table, strict=True))


def _figure(said: str) -> Decimal:
    try:
        return number(Decimal(said), "the glucose value")
    except InvalidOperation as error:
        raise invalid("the glucose value is neither a number nor Low nor High") from error


def _time(said: str) -> datetime:
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise invalid("the timestamp is no date and time") from error
    if found.tzinfo is not None:
        raise invalid("Clarity's timestamps have no zone")
    return found


def _sequence(said: str) -> int | None:
    """Return the transmitter's seconds: they number its values, and no clock change moves them."""
    return whole(said, 10**9)


CONVENTION = Convention(name="clarity", title="Dexcom Clarity export (CSV)", read=_read)
