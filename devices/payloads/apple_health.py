"""Apple Health: one sample of an export as a document, the two pressures of a cuff together.

Apple writes an oxygen saturation and a body fat of 97 % as 0.97 with the unit %, a body mass
index with the unit count, and a molar mass into the unit of glucose. Whether a glucose comes from
a sensor or a strip is nowhere said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Facts, Quality, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, child, children, invalid, moment, number, parse

PRESSURE = "HKCorrelationTypeIdentifierBloodPressure"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"

_MASS = {"kg": "kg", "g": "g", "lb": "[lb_av]", "oz": "[oz_av]", "st": "[stone_av]"}
_LENGTH = {
    "m": "m",
    "cm": "cm",
    "mm": "mm",
    "km": "km",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "yd": "[yd_i]",
    "mi": "[mi_i]",
}
_FRACTION = {"%": "1"}
_RATE = {"count/min": "/min", "count/s": "1/s", "Hz": "Hz"}
_PRESSURE = {"mmHg": "mm[Hg]", "kPa": "kPa"}
_ENERGY = {"kcal": "kcal", "Cal": "kcal", "cal": "cal", "kJ": "kJ", "J": "J"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """What a type of sample measures, and the units Apple may write it in."""

    metric: str
    units: dict[str, str] = field(default_factory=dict[str, str])


_Q = "HKQuantityTypeIdentifier"
TYPES: dict[str, Type] = {
    f"{_Q}HeartRate": Type(metric="heart_rate", units=_RATE),
    f"{_Q}BloodPressureSystolic": Type(metric="systolic_blood_pressure", units=_PRESSURE),
    f"{_Q}BloodPressureDiastolic": Type(metric="diastolic_blood_pressure", units=_PRESSURE),
    f"{_Q}OxygenSaturation": Type(metric="oxygen_saturation", units=_FRACTION),
    f"{_Q}BodyMass": Type(metric="body_weight", units=_MASS),
    f"{_Q}Height": Type(metric="body_height", units=_LENGTH),
    f"{_Q}BodyMassIndex": Type(metric="body_mass_index", units={"count": "kg/m2"}),
    f"{_Q}BodyFatPercentage": Type(metric="body_fat_percentage", units=_FRACTION),
    f"{_Q}LeanBodyMass": Type(metric="fat_free_mass", units=_MASS),
    f"{_Q}BodyTemperature": Type(
        metric="body_temperature", units={"degC": "Cel", "degF": "[degF]", "K": "K"}
    ),
    f"{_Q}BloodGlucose": Type(metric="blood_glucose", units={"mg/dL": "mg/dL", "mmol/L": "mmol/L"}),
    f"{_Q}RespiratoryRate": Type(metric="respiratory_rate", units=_RATE),
    f"{_Q}StepCount": Type(metric="step_count", units={"count": "1"}),
    f"{_Q}DistanceWalkingRunning": Type(metric="distance", units=_LENGTH),
    f"{_Q}ActiveEnergyBurned": Type(metric="active_energy", units=_ENERGY),
}
TOGETHER = frozenset(kind for kind in TYPES if "BloodPressure" in kind)
"""Types that count only inside their correlation; Apple repeats them outside of it."""

_S = "HKCategoryValueSleepAnalysis"
STAGES: dict[str, str] = {
    f"{_S}InBed": "time_in_bed",
    f"{_S}Asleep": "total_sleep_time",
    f"{_S}AsleepUnspecified": "total_sleep_time",
    f"{_S}AsleepCore": "light_sleep_time",
    f"{_S}AsleepDeep": "deep_sleep_time",
    f"{_S}AsleepREM": "rem_sleep_time",
}
"""A stretch of a stage in minutes; being awake is none of what Balise measures."""

ENTERED = "HKWasUserEntered"
METADATA: dict[str, str] = {
    "HKMetadataKeyHeartRateMotionContext": "motion",
    "HKMetadataKeyHeartRateSensorLocation": "site",
    "HKBodyTemperatureSensorLocation": "site",
    "HKBloodGlucoseMealTime": "meal",
    "HKTimeZone": "time_zone",
}
"""What an app says beside the figure, kept as facts under names of Balise's; the rest is dropped:
it may hold names."""

_GLUCOSE_MOLES = re.compile(r"mmol<180\.15\d*>/[lL]", re.ASCII)
_SECONDS_A_MINUTE = 60


def measures(kind: str, value: str) -> bool:
    """Whether a sample of an export is something Balise measures by itself."""
    if kind == SLEEP:
        return value in STAGES
    return kind in TYPES and kind not in TOGETHER


def _read(text: str) -> tuple[Decoded, ...]:
    sample = parse(text)
    start, end = (_time(sample, key) for key in ("startDate", "endDate"))
    records = children(sample, "records")
    if not records:
        raise invalid("a sample has records")
    metadata = child(sample, "metadata") or {}
    return (
        Decoded(
            readings=tuple(_value(record, end, start) for record in records),
            taken_at=end,
            quality=Quality.SELF_REPORTED if metadata.get(ENTERED) == "1" else Quality.NONE,
            facts=_facts(sample, metadata),
        ),
    )


def _time(sample: Json, key: str) -> datetime:
    said = sample.get(key)
    if not isinstance(said, str):
        raise invalid(f"{key} is missing")
    try:
        return moment(datetime.strptime(said, "%Y-%m-%d %H:%M:%S %z").isoformat(), key)
    except ValueError as error:
        raise invalid(f"{key} is no date and time as Apple writes them") from error


def _value(record: Json, end: datetime, start: datetime) -> Value:
    kind, said = record.get("type"), record.get("value")
    if not isinstance(kind, str) or not isinstance(said, str):
        raise invalid("a record has a type and a value")
    if kind == SLEEP:
        return _stage(said, end, start)
    known = TYPES.get(kind)
    if known is None:
        raise PayloadError(f"{kind}: nothing Balise measures", reason=Reason.METRIC_UNKNOWN)
    return Value(metric=known.metric, value=_figure(said), unit=_unit(record, known))


def _stage(said: str, end: datetime, start: datetime) -> Value:
    metric = STAGES.get(said)
    if metric is None:
        raise PayloadError(f"{said}: nothing Balise measures", reason=Reason.METRIC_UNKNOWN)
    seconds = int((end - start).total_seconds())
    if seconds < 0:
        raise invalid("a sample ends before it starts")
    whole = seconds % _SECONDS_A_MINUTE == 0
    length = Decimal(seconds // _SECONDS_A_MINUTE if whole else seconds)
    return Value(metric=metric, value=length, unit="min" if whole else "s")


def _figure(said: str) -> Decimal:
    try:
        return number(Decimal(said), "the value")
    except InvalidOperation as error:
        raise invalid("the value is no number") from error


def _unit(record: Json, known: Type) -> str:
    said = record.get("unit")
    if isinstance(said, str):
        said = "mmol/L" if _GLUCOSE_MOLES.fullmatch(said) else said
        if said in known.units:
            return known.units[said]
    raise PayloadError(
        f"the unit of {known.metric} must be one of: {', '.join(known.units)}",
        reason=Reason.UNIT_UNKNOWN,
    )


def _facts(sample: Json, metadata: Json) -> Facts:
    said = {METADATA[key]: metadata.get(key) for key in METADATA if key in metadata}
    said |= {"hardware": sample.get("hardware"), "start": sample.get("startDate")}
    return tuple((name, value) for name, value in said.items() if isinstance(value, str))


CONVENTION = Convention(name="apple_health", title="Apple Health export", read=_read)
