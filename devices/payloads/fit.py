"""FIT (Garmin, ANT+): one message as a document, with the names, figures and units of its fields.

`fit_file` makes the documents out of a file. FIT counts steps up since midnight, so a document
carries the count of the message before, and a reading is the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Quality, State, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, child, invalid, moment, number, parse

_UNITS: dict[str, str] = {
    "kg": "kg",
    "%": "%",
    "percent": "%",
    "kg/m^2": "kg/m2",
    "mmHg": "mm[Hg]",
    "bpm": "/min",
    "breaths/min": "/min",
    "kcal/day": "kcal",
    "steps": "1",
    "s": "s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of FIT's profile: field → metric."""

    fields: dict[str, str]
    counted: bool = False


MESSAGES: dict[str, Message] = {
    "weight_scale": Message(
        fields={
            "weight": "body_weight",
            "percent_fat": "body_fat_percentage",
            "muscle_mass": "muscle_mass",
            "basal_met": "basal_metabolic_rate",
            "bmi": "body_mass_index",
        }
    ),
    "blood_pressure": Message(
        fields={
            "systolic_pressure": "systolic_blood_pressure",
            "diastolic_pressure": "diastolic_blood_pressure",
            "mean_arterial_pressure": "mean_arterial_pressure",
            "heart_rate": "pulse_rate",
        }
    ),
    "monitoring": Message(fields={"heart_rate": "heart_rate", "steps": "step_count"}, counted=True),
    "record": Message(fields={"heart_rate": "heart_rate"}),
    "hrv": Message(fields={"time": "rr_interval"}),
    "spo2_data": Message(fields={"reading_spo2": "oxygen_saturation"}),
    "respiration_rate": Message(fields={"respiration_rate": "respiratory_rate"}),
}

_STATUS: dict[str, Quality] = {
    "no_error": Quality.NONE,
    "error_irregular_heart_rate": Quality.IRREGULAR_PULSE,
    "error_data_out_of_range": Quality.QUESTIONABLE,
    "error_incomplete_data": Quality.UNSUCCESSFUL,
    "error_no_measurement": Quality.UNSUCCESSFUL,
}


def _read(text: str) -> tuple[Decoded, ...]:
    document = parse(text)
    known = MESSAGES.get(str(document.get("message")))
    fields = child(document, "fields") or {}
    if known is None:
        raise PayloadError("no message Balise reads", reason=Reason.METRIC_UNKNOWN)
    quality = _quality(fields)
    if not quality & Quality.UNSUCCESSFUL:
        readings = tuple(
            value
            for name, metric in known.fields.items()
            for value in _values(document, fields, name, metric)
        )
    else:
        readings = ()
    if not readings and not quality & Quality.UNSUCCESSFUL:
        raise PayloadError("no field of what Balise measures", reason=Reason.METRIC_UNKNOWN)
    return (
        Decoded(
            readings=readings,
            taken_at=_time(document),
            user=_user(fields),
            quality=quality | _approximate(document),
            state=State.MEASURED if readings else State.NO_VALUE,
        ),
    )


def _quality(fields: Json) -> Quality:
    status = (child(fields, "status") or {}).get("value")
    if status is None:
        return Quality.NONE
    return _STATUS.get(str(status), Quality.QUESTIONABLE)


def _values(document: Json, fields: Json, name: str, metric: str) -> list[Value]:
    field = child(fields, name)
    if field is None:
        return []
    unit = _UNITS.get(str(field.get("units")))
    if unit is None:
        raise PayloadError(f"{name} has no unit Balise knows", reason=Reason.UNIT_UNKNOWN)
    said = field.get("value")
    several = cast("list[object]", said) if isinstance(said, list) else [said]
    figures = [number(one, name) for one in several]
    if name == "steps":
        figures = [_since(document, figures[0])]
    return [
        Value(metric=metric, value=figure, unit=unit, position=place)
        for place, figure in enumerate(figures)
    ]


def _since(document: Json, count: Decimal) -> Decimal:
    """Return the steps since the message before; a smaller count began anew, at midnight."""
    if "previous" not in document:
        raise invalid("steps are counted up: the count before is missing")
    previous = number(document["previous"], "previous")
    return count - previous if count >= previous else count


def _time(document: Json) -> datetime:
    if document.get("timestamp") is None:
        raise PayloadError("the message has no time", reason=Reason.TIME_UNKNOWN)
    return moment(document["timestamp"], "timestamp")


def _approximate(document: Json) -> Quality:
    """Return what is known against the time of a message that has none of its own."""
    near = document.get("timed_by") == "the message before"
    return Quality.CLOCK_UNVERIFIED if near else Quality.NONE


def _user(fields: Json) -> int | None:
    index = (child(fields, "user_profile_index") or {}).get("value")
    return index if isinstance(index, int) and not isinstance(index, bool) else None


CONVENTION = Convention(name="fit", title="FIT message (Garmin, ANT+)", read=_read)
