"""A measurement as Observations of the HL7 Personal Health Device guide (HL7/phd, R4).

Claims no more than is known: an invalid value is none, and says so; what the device called early is
preliminary; a time that is only that of receipt is said in a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from balise.metrics import METRICS
from balise.model import Quality
from care.fhir.codes import (
    BLOOD_PRESSURE,
    PRESSURES,
    PROFILES,
    R4,
    TERMINOLOGY,
    UCUM,
    category,
    concept,
    of_metric,
)

PHD = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
IDENTIFIER = "urn:balise:reading"
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
    none: `quality` says why. `withdrawn`: it is nobody's any more.
    """

    key: str
    patient: str
    device: str
    taken_at: datetime
    values: Mapping[str, Decimal | None]
    quality: Quality = Quality.NONE
    withdrawn: bool = False


def observations(measured: Measured) -> list[dict[str, Any]]:
    """Return one Observation a metric; the pressures of a cuff are one, with components."""
    values = measured.values
    found: list[dict[str, Any]] = []
    if {*PRESSURES[:2]} <= values.keys():
        parts = {one: values[one] for one in PRESSURES if one in values}
        components = [_component(one, value, measured.quality) for one, value in parts.items()]
        found.append(_observation(measured, BLOOD_PRESSURE) | {"component": components})
    else:
        parts = {}
    for metric, value in values.items():
        if metric not in parts:
            body = _value(metric, value, measured.quality)
            found.append(_observation(measured, metric) | body)
    return found


def _observation(measured: Measured, metric: str) -> dict[str, Any]:
    quality = measured.quality
    key = f"{measured.key}-{metric.replace('_', '-')}"
    return {
        "resourceType": "Observation",
        "id": key[:64],
        **_meta(metric, quality),
        "identifier": [{"system": IDENTIFIER, "value": key}],
        "status": _status(measured),
        "category": category(metric),
        "code": of_metric(metric),
        "subject": {"reference": f"Patient/{measured.patient}"},
        "performer": [{"reference": f"Patient/{measured.patient}"}],
        "effectiveDateTime": measured.taken_at.isoformat(timespec="milliseconds"),
        "device": {"reference": f"Device/{measured.device}"},
        **_notes(quality),
    }


def _status(measured: Measured) -> str:
    if measured.withdrawn:
        return "entered-in-error"
    return "preliminary" if measured.quality & Quality.EARLY_ESTIMATE else "final"


def _meta(metric: str, quality: Quality) -> dict[str, Any]:
    kind = "PhdCompoundNumericObservation" if metric == BLOOD_PRESSURE else "PhdNumericObservation"
    of_device = metric == BLOOD_PRESSURE or bool(METRICS[metric].mdc)
    profiles = [
        *([f"{R4}{PROFILES[metric]}"] if metric in PROFILES else []),
        *([f"{PHD}{kind}"] if of_device else []),
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


def _component(metric: str, value: Decimal | None, quality: Quality) -> dict[str, Any]:
    return {"code": of_metric(metric), **_value(metric, value, quality)}


def _value(metric: str, value: Decimal | None, quality: Quality) -> dict[str, Any]:
    """Return the quantity, its digits as they were sent, or why there is none."""
    reason = next((code for flag, code in _ABSENT.items() if quality & flag), None)
    if value is None or reason:
        return {
            "dataAbsentReason": concept((f"{TERMINOLOGY}data-absent-reason", reason or "unknown"))
        }
    return {"valueQuantity": quantity(value, METRICS[metric].unit)}


def quantity(value: Decimal, unit: str) -> dict[str, Any]:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}
