"""LibreView's CSV export (FreeStyle Libre): a document is one row, as an object title → cell.

Titles are those of the English and the French export (`Device Timestamp`, `Horodatage de
l'appareil`); the unit is in the title of the figure. `dates` says in which order the file writes
day and month, which one row alone seldom tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Quality, State, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, invalid, number, parse

Order = Literal["day-first", "month-first"]
TIMES = ("Device Timestamp", "Horodatage de l'appareil")
TYPES = ("Record Type", "Type d'enregistrement")
SERIALS = ("Serial Number", "Numéro de série")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A record type: which titles its figure has, before the unit, and what it measures."""

    metric: str
    titles: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "0": Kind(
        metric="interstitial_glucose",
        titles=("Historic Glucose", "Historique de la glycémie"),
    ),
    "1": Kind(
        metric="interstitial_glucose",
        titles=("Scan Glucose", "Numérisation de la glycémie"),
    ),
    "2": Kind(metric="blood_glucose", titles=("Strip Glucose", "Glycémie par bandelette")),
    "3": Kind(metric="blood_ketone", titles=("Ketone", "Cétone")),
}
"""Types 4 to 6 are insulin, food, notes and changes of the clock."""

_UNITS = {"mg/dL": "mg/dL", "mg/dl": "mg/dL", "mmol/L": "mmol/L", "mmol/l": "mmol/L"}
_WORDS = {"LO": Quality.BELOW_MEASURING_RANGE, "HI": Quality.ABOVE_MEASURING_RANGE}
_STAMP = re.compile(
    r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}),? (\d{1,2}):(\d{2})(?::\d{2})?(?: ?([AaPp])[Mm])?",
    re.ASCII,
)


def recognises(titles: Sequence[str]) -> bool:
    """Whether a line of titles is LibreView's."""
    return _one(titles, TIMES) is not None and _one(titles, TYPES) is not None


def _one(titles: Iterable[str], names: Sequence[str]) -> str | None:
    return next((title for title in titles if title in names), None)


def stamp(row: dict[str, str]) -> str:
    """Return the timestamp of a row, as it is written."""
    return row.get(_one(row, TIMES) or "", "")


def kind(row: dict[str, str]) -> str:
    """Return the record type of a row."""
    return row.get(_one(row, TYPES) or "", "")


def order(stamps: Iterable[str]) -> Order | None:
    """Return the order of day and month that all dates of a file prove, None where none does."""
    first = second = same = True
    for said in stamps:
        found = _STAMP.fullmatch(said.strip())
        if found is not None:
            day, month = int(found[1]), int(found[2])
            first, second = first and month <= 12, second and day <= 12
            same = same and day == month
    if not first and not second:
        raise invalid("the dates of this file are in both orders")
    if first and second and not same:
        return None
    return "day-first" if first else "month-first"


def _read(text: str) -> tuple[Decoded, ...]:
    row = parse(text)
    known = KINDS.get(_cell(row, TYPES))
    if known is None:
        raise PayloadError("record type: nothing Balise measures", reason=Reason.METRIC_UNKNOWN)
    said, unit = _figure(row, known)
    outside = _WORDS.get(said.upper(), Quality.NONE)
    return (
        Decoded(
            readings=()
            if outside
            else (Value(metric=known.metric, value=_number(said), unit=unit),),
            device_time=_time(_cell(row, TIMES), row.get("dates")),
            device=_cell(row, SERIALS) or None,
            quality=outside,
            state=State.NO_VALUE if outside else State.MEASURED,
        ),
    )


def _cell(row: Json, names: Sequence[str]) -> str:
    value = row.get(_one(row, names) or "")
    return value.strip() if isinstance(value, str) else ""


def _figure(row: Json, known: Kind) -> tuple[str, str]:
    """Return the cell of a record's figure and the unit in its title."""
    for title, cell in row.items():
        name, _, unit = title.rpartition(" ")
        if name in known.titles and isinstance(cell, str) and cell.strip():
            if unit not in _UNITS:
                raise PayloadError(f"no unit in the title {title!r}", reason=Reason.UNIT_UNKNOWN)
            return cell.strip(), _UNITS[unit]
    raise invalid("the figure of this record type is missing")


def _number(said: str) -> Decimal:
    try:
        return number(Decimal(said.replace(",", ".")), "the figure")
    except InvalidOperation as error:
        raise invalid("the figure is neither a number nor LO nor HI") from error


def _time(said: str, dates: object) -> datetime:
    found = _STAMP.fullmatch(said)
    if found is None:
        raise invalid("the timestamp is none of LibreView's")
    decided = order((said,)) or dates
    if decided not in {"day-first", "month-first"}:
        raise PayloadError("day or month first? say so with dates", reason=Reason.TIME_UNKNOWN)
    day, month = (found[1], found[2]) if decided == "day-first" else (found[2], found[1])
    try:
        return datetime(  # noqa: DTZ001 - the reader's wall clock has no zone
            int(found[3]), int(month), int(day), _hour(found), int(found[5])
        )
    except ValueError as error:
        raise invalid("the timestamp is no date and time") from error


def _hour(found: re.Match[str]) -> int:
    hour, half = int(found[4]), (found[6] or "").lower()
    if half and not 1 <= hour <= 12:
        raise invalid("an hour before AM or PM is 1 to 12")
    return hour if not half else hour % 12 + (12 if half == "p" else 0)


CONVENTION = Convention(name="libreview", title="LibreView export (CSV)", read=_read)
