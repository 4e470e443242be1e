"""A measurement as Observations of the HL7 Personal Health Device guide (HL7/phd, R4).

Claims no more than is known: an invalid value is none, and says so; what the device called early is
preliminary; a time that is only that of receipt is said in a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from balise.metrics import METRICS
from balise.model import Quality
from care.fhir.codes import (
    BLOOD_PRESSURE,
    MDC,
    PRESSURES,
    PROFILES,
    R4,
    TERMINOLOGY,
    UCUM,
    category,
    concept,
    of_metric,
)
from care.fhir.guides import PHD, PHD_CATEGORIES
from care.fhir.resources import device_id, patient_id, short

IDENTIFIER = "urn:balise:reading"
_OF_A_DEVICE = [concept((PHD_CATEGORIES, "phd-observation"))]
PULSE_OF_OXIMETER = "149530"
_NEVER_A_VALUE = Quality.INVALID | Quality.UNSUCCESSFUL
_ABSENT = {
    Quality.NOT_A_NUMBER: "not-a-number",
    Quality.POSITIVE_INFINITY: "positive-infinity",
    Quality.NEGATIVE_INFINITY: "negative-infinity",
    Quality.NOT_AT_THIS_RESOLUTION: "error",
    Quality.RESERVED_VALUE: "error",
    Quality.INVALID: "error",
    Quality.UNSUCCESSFUL: "error",
}
"""Why there is no value (HL7/phd, FLOATS); the first that holds."""
_NOT_THE_DEVICES_TIME = Quality.TIME_OF_RECEIPT | Quality.CLOCK_FAULT | Quality.CLOCK_IMPOSSIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one device measured at one moment: values by metric, in the metrics' units.

    `key` names it for ever; `taken_at` has the patient's offset. A value is None where there is
    none: `qualities` says why. `position` tells several of one metric in a frame apart.
    `withdrawn`: it is nobody's any more.
    """

    key: str
    patient: str
    device: str
    taken_at: datetime
    values: Mapping[str, Decimal | None]
    qualities: Mapping[str, Quality] = field(default_factory=dict[str, Quality])
    position: int = 0
    withdrawn: bool = False


def observations(measured: Measured) -> list[dict[str, Any]]:
    """Return one Observation a metric; the pressures of a cuff are one, with components."""
    values = measured.values
    found: list[dict[str, Any]] = []
    if {*PRESSURES[:2]} <= values.keys():
        parts = {one: values[one] for one in PRESSURES if one in values}
        components = [_component(measured, one) for one in parts]
        found.append(_observation(measured, BLOOD_PRESSURE, *parts) | {"component": components})
    else:
        parts = {}
    others = (metric for metric in values if metric not in parts)
    return found + [_observation(measured, one, one) | _value(measured, one) for one in others]


def _observation(measured: Measured, metric: str, *parts: str) -> dict[str, Any]:
    quality = Quality.NONE
    for one in parts:
        quality |= measured.qualities.get(one, Quality.NONE)
    place = f"-{measured.position}" if measured.position else ""
    key = f"{measured.key}-{metric.replace('_', '-')}{place}"
    subject = {"reference": f"Patient/{patient_id(measured.patient)}"}
    return {
        "resourceType": "Observation",
        "id": short(key),
        **_meta(measured, metric, quality),
        "identifier": [{"system": IDENTIFIER, "value": key}],
        "status": _status(measured, quality),
        "category": [*category(metric), *(_OF_A_DEVICE if _is_of_a_device(metric) else [])],
        "code": _code(measured, metric),
        "subject": subject,
        "performer": [subject],
        "effectiveDateTime": measured.taken_at.isoformat(timespec="milliseconds"),
        "device": {"reference": f"Device/{device_id(measured.device)}"},
        **_notes(quality),
    }


def _code(measured: Measured, metric: str) -> dict[str, Any]:
    """Return the code: an oximeter's pulse has one of its own in MDC."""
    code = of_metric(metric)
    if metric == "pulse_rate" and "oxygen_saturation" in measured.values:
        code["coding"][0] = {"system": MDC, "code": PULSE_OF_OXIMETER}
    return code


def _status(measured: Measured, quality: Quality) -> str:
    if measured.withdrawn:
        return "entered-in-error"
    return "preliminary" if quality & Quality.EARLY_ESTIMATE else "final"


def _is_of_a_device(metric: str) -> bool:
    """Say whether the PHD guide has a word for it: what has no MDC code is none of its."""
    return metric == BLOOD_PRESSURE or bool(METRICS[metric].mdc)


def _is_vital(measured: Measured, metric: str) -> bool:
    """Say whether R4 has a profile of it: that of the body mass index alone wants a value."""
    has_one = metric != "body_mass_index" or "valueQuantity" in _value(measured, metric)
    return metric in PROFILES and has_one


def _meta(measured: Measured, metric: str, quality: Quality) -> dict[str, Any]:
    kind = "PhdCompoundNumericObservation" if metric == BLOOD_PRESSURE else "PhdNumericObservation"
    profiles = [
        *([f"{R4}{PROFILES[metric]}"] if _is_vital(measured, metric) else []),
        *([f"{PHD}{kind}"] if _is_of_a_device(metric) else []),
    ]
    test = {"system": f"{TERMINOLOGY}v3-ActReason", "code": "HTEST"}
    meta = {
        **({"profile": profiles} if profiles else {}),
        **({"security": [test]} if quality & Quality.TEST_DATA else {}),
    }
    return {"meta": meta} if meta else {}


def _notes(quality: Quality) -> dict[str, Any]:
    """Return what is known against value or time, as words of the glossary."""
    if not quality:
        return {}
    said = "; ".join(quality.names)
    if quality & _NOT_THE_DEVICES_TIME:
        said += " (the time is not the device's own)"
    return {"note": [{"text": said}]}


def _component(measured: Measured, metric: str) -> dict[str, Any]:
    return {"code": of_metric(metric), **_value(measured, metric)}


def _value(measured: Measured, metric: str) -> dict[str, Any]:
    """Return the quantity, its digits as they were sent, or why there is none."""
    value = measured.values[metric]
    quality = measured.qualities.get(metric, Quality.NONE)
    if value is not None and not quality & _NEVER_A_VALUE:
        return {"valueQuantity": quantity(value, METRICS[metric].unit)}
    reason = next((code for flag, code in _ABSENT.items() if quality & flag), "unknown")
    return {"dataAbsentReason": concept((f"{TERMINOLOGY}data-absent-reason", reason))}


def quantity(value: Decimal, unit: str) -> dict[str, Any]:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}
