"""Open mHealth and IEEE 1752.1 data points: a header that names a schema, and its body.

Only schemas of what Balise measures are read; others are refused by name. A statistic (the
maximum of a month) is kept, marked as such and left out of every rollup.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Quality, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, child, invalid, moment, number, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A body: key → metric, and from which version it must have a time, and in IEEE's form."""

    values: dict[str, str]
    units: dict[str, str]
    timed_since: float
    ieee_since: float = 99
    interval_since: float = 99


SCHEMAS: dict[str, Schema] = {
    "blood-pressure": Schema(
        values={
            "systolic_blood_pressure": "systolic_blood_pressure",
            "diastolic_blood_pressure": "diastolic_blood_pressure",
        },
        units={"mmHg": "mm[Hg]"},
        timed_since=3.0,
        ieee_since=4.0,
    ),
    "body-weight": Schema(
        values={"body_weight": "body_weight"},
        units={"kg": "kg", "g": "g", "lb": "[lb_av]"},
        timed_since=2.0,
        ieee_since=3.0,
    ),
    "body-height": Schema(
        values={"body_height": "body_height"},
        units={"m": "m", "cm": "cm", "in": "[in_i]", "ft": "[ft_i]"},
        timed_since=2.0,
        ieee_since=2.0,
    ),
    "body-mass-index": Schema(
        values={"body_mass_index": "body_mass_index"},
        units={"kg/m2": "kg/m2", "kg/m^2": "kg/m2"},
        timed_since=2.0,
        ieee_since=3.0,
    ),
    "body-temperature": Schema(
        values={"body_temperature": "body_temperature"},
        units={"C": "Cel", "F": "[degF]", "K": "K"},
        timed_since=3.0,
        ieee_since=4.0,
    ),
    "heart-rate": Schema(
        values={"heart_rate": "heart_rate"},
        units={"beats/min": "/min"},
        timed_since=2.0,
        ieee_since=2.0,
    ),
    "oxygen-saturation": Schema(
        values={"oxygen_saturation": "oxygen_saturation"},
        units={"%": "%"},
        timed_since=2.0,
        ieee_since=2.0,
    ),
    "respiratory-rate": Schema(
        values={"respiratory_rate": "respiratory_rate"},
        units={"breaths/min": "/min"},
        timed_since=2.0,
        ieee_since=2.0,
    ),
    "rr-interval": Schema(
        values={"rr_interval": "rr_interval"}, units={"ms": "ms", "sec": "s"}, timed_since=99
    ),
    "blood-glucose": Schema(
        values={"blood_glucose": "blood_glucose"},
        units={"mg/dL": "mg/dL", "mmol/L": "mmol/L"},
        timed_since=3.0,
        ieee_since=4.0,
    ),
    "step-count": Schema(
        values={"step_count": "step_count"},
        units={"steps": "1"},
        timed_since=2.0,
        interval_since=2.0,
    ),
}

_CLOSED: dict[str, frozenset[str]] = {
    "descriptive_statistic": frozenset(
        (
            "average",
            "count",
            "maximum",
            "median",
            "minimum",
            "standard deviation",
            "sum",
            "variance",
        )
    ),
    "temporal_relationship_to_physical_activity": frozenset(
        ("active", "after exercise", "at rest", "before exercise", "during exercise")
    ),
    "temporal_relationship_to_sleep": frozenset(("before sleeping", "during sleep", "on waking")),
    "temporal_relationship_to_meal": frozenset(
        (
            "fasting",
            "not fasting",
            "before meal",
            "after meal",
            "before breakfast",
            "after breakfast",
            "before lunch",
            "after lunch",
            "before dinner",
            "after dinner",
            "2 hours postprandial",
            "with meal",
            "with food",
        )
    ),
    "blood_specimen_type": frozenset(("plasma", "serum", "whole blood")),
    "specimen_source": frozenset(
        (
            "breath",
            "capillary blood",
            "interstitial fluid",
            "lacrimal fluid",
            "plasma",
            "saliva",
            "serum",
            "sweat",
            "tears",
            "urine",
            "whole blood",
        )
    ),
}
"""Fields whose values the schemas close; another word there makes the data point invalid."""

_PARTS_OF_DAY = {"morning": 9, "afternoon": 15, "evening": 20, "night": 23}


def _read(text: str) -> tuple[Decoded, ...]:
    point = parse(text)
    header = child(point, "header") or {}
    name, version = _schema_id(header)
    schema = SCHEMAS.get(name)
    if schema is None:
        raise PayloadError(f"schema {name}: nothing Balise measures", reason=Reason.METRIC_UNKNOWN)
    body = child(point, "body")
    if body is None:
        raise invalid("a data point has a header and a body")
    _check_closed(body)
    taken_at, quality = _time(body, schema, version)
    if "descriptive_statistic" in body:
        quality |= Quality.SUMMARY_STATISTIC
    if _modality(header) == "self-reported":
        quality |= Quality.SELF_REPORTED
    person = header.get("user_id")
    return (
        Decoded(
            readings=tuple(
                _value(body, key, metric, schema) for key, metric in schema.values.items()
            ),
            taken_at=taken_at,
            person=person if isinstance(person, str) else None,
            quality=quality,
        ),
    )


def _schema_id(header: Json) -> tuple[str, float]:
    schema_id = child(header, "schema_id") or {}
    name, version = schema_id.get("name"), schema_id.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        raise invalid("header.schema_id must name a schema and its version")
    try:
        return name, float(version)
    except ValueError as error:
        raise invalid("header.schema_id.version must be like 3.0") from error


def _modality(header: Json) -> object:
    provenance = child(header, "acquisition_provenance") or header
    return provenance.get("modality")


def _check_closed(body: Json) -> None:
    for key, words in _CLOSED.items():
        if key in body and body[key] not in words:
            raise invalid(f"{key} is none of: {', '.join(sorted(words))}")
    flow = child(body, "supplemental_oxygen_flow_rate")
    if flow is not None and flow.get("unit") != "L/min":
        raise invalid("supplemental_oxygen_flow_rate must be in L/min")


def _value(body: Json, key: str, metric: str, schema: Schema) -> Value:
    if key == "step_count" and isinstance(body.get(key), int):
        return Value(metric=metric, value=number(body[key], key), unit="1")
    measure = child(body, key)
    if measure is None:
        raise invalid(f"{key} is missing")
    unit = measure.get("unit")
    if not isinstance(unit, str) or unit not in schema.units:
        raise invalid(f"{key}.unit must be one of: {', '.join(schema.units)}")
    return Value(
        metric=metric,
        value=number(measure.get("value"), f"{key}.value"),
        unit=schema.units[unit],
    )


def _time(body: Json, schema: Schema, version: float) -> tuple[datetime | None, Quality]:
    frame = child(body, "effective_time_frame")
    if frame is None:
        if version >= schema.timed_since:
            raise invalid("effective_time_frame is missing")
        return None, Quality.NONE
    interval = child(frame, "time_interval")
    if "date_time" in frame and interval is None:
        if version >= schema.interval_since:
            raise invalid("a count needs a time_interval")
        return moment(frame["date_time"], "date_time"), Quality.NONE
    if interval is None:
        raise invalid("effective_time_frame needs a date_time or a time_interval")
    return _interval(interval, ieee=version >= schema.ieee_since)


def _interval(interval: Json, *, ieee: bool) -> tuple[datetime, Quality]:
    """Return when an interval ended, or began where only its duration says when it ended."""
    ends = [key for key in ("end_date_time", "start_date_time") if key in interval]
    if ends and (len(ends) == 2 or "duration" in interval):
        return moment(interval[ends[0]], ends[0]), Quality.NONE
    part, date = interval.get("part_of_day"), interval.get("date")
    if ieee or not isinstance(date, str) or part not in _PARTS_OF_DAY:
        raise invalid("time_interval needs a start and an end, or one of them and a duration")
    try:
        day = datetime.fromisoformat(date).date()
    except ValueError as error:
        raise invalid("date is no date") from error
    return datetime.combine(day, time(_PARTS_OF_DAY[part]), UTC), Quality.CLOCK_UNVERIFIED


CONVENTION = Convention(name="open_mhealth", title="Open mHealth / IEEE 1752.1", read=_read)
