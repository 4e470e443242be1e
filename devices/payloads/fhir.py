"""FHIR R4 Observation: one resource a document (HL7 PHD guide and the vital-signs profiles)."""

from __future__ import annotations

from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded, Quality, State, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, child, children, invalid, moment, number, parse

_LOINC, _MDC = "http://loinc.org", "urn:iso:std:iso:11073:10101"

# Several codes name one metric; the MDC code comes first because it says which instrument.
_CODES: dict[tuple[str, str], str] = {
    **{(_LOINC, m.loinc): m.name for m in reversed(METRICS.values()) if m.loinc},
    **{(_MDC, str(m.mdc)): m.name for m in METRICS.values() if m.mdc},
    (_LOINC, "8867-4"): "heart_rate",
    (_LOINC, "59408-5"): "oxygen_saturation",
    (_LOINC, "2345-7"): "blood_glucose",
    (_LOINC, "41653-7"): "blood_glucose",
    (_MDC, "149530"): "pulse_rate",
    (_MDC, "160368"): "blood_glucose",
    (_MDC, "160364"): "blood_glucose",
    (_MDC, "160188"): "blood_glucose",
}
_VOID_STATUS = frozenset(("entered-in-error", "cancelled"))
_STATUS = frozenset(
    ("registered", "preliminary", "final", "amended", "corrected", "unknown", *_VOID_STATUS)
)
_ABSENT: dict[str, Quality] = {
    "not-a-number": Quality.NOT_A_NUMBER,
    "error": Quality.NOT_AT_THIS_RESOLUTION,
    "positive-infinity": Quality.POSITIVE_INFINITY,
    "negative-infinity": Quality.NEGATIVE_INFINITY,
}


def _read(text: str) -> tuple[Decoded, ...]:
    resource = parse(text)
    kind = resource.get("resourceType")
    if kind != "Observation":
        raise PayloadError(
            f"a {kind} resource carries no measurement", reason=Reason.METRIC_UNKNOWN
        )
    quality = _quality(resource)
    parts = [resource, *children(resource, "component")]
    readings = tuple(value for part in parts if (value := _value(part)) is not None)
    absent = _absent(resource)
    if not readings and absent is None:
        raise PayloadError("no code of what Balise measures", reason=Reason.METRIC_UNKNOWN)
    subject = child(resource, "subject") or {}
    person = subject.get("reference")
    return (
        Decoded(
            readings=readings,
            taken_at=moment(_effective(resource), "effective[x]"),
            person=person if isinstance(person, str) else None,
            quality=quality | (absent or Quality.NONE),
            state=State.MEASURED if readings else State.NO_VALUE,
        ),
    )


def _quality(resource: Json) -> Quality:
    status = resource.get("status")
    if status not in _STATUS:
        raise invalid("status is none of FHIR's")
    if status in _VOID_STATUS:
        raise invalid(f"status {status}: withdrawn by its sender")
    return Quality.QUESTIONABLE if status == "preliminary" else Quality.NONE


def _effective(resource: Json) -> object:
    period = child(resource, "effectivePeriod") or {}
    found = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    found = found or period.get("end") or period.get("start")
    if found is None:
        raise PayloadError("no effective[x]: when was it?", reason=Reason.TIME_UNKNOWN)
    return found


def _absent(resource: Json) -> Quality | None:
    reason = child(resource, "dataAbsentReason")
    if reason is None:
        return None
    codes = (coding.get("code") for coding in children(reason, "coding"))
    return next((_ABSENT[code] for code in codes if code in _ABSENT), Quality.UNSUCCESSFUL)


def _value(part: Json) -> Value | None:
    """Return the figure of an Observation or a component, None where it holds none of ours."""
    quantity, metric = child(part, "valueQuantity"), _metric(child(part, "code") or {})
    if quantity is None or metric is None or child(part, "dataAbsentReason") is not None:
        return None
    if quantity.get("comparator") is not None:
        raise invalid("a quantity with a comparator is no measurement")
    unit = quantity.get("code") or quantity.get("unit")
    if not isinstance(unit, str):
        raise invalid("valueQuantity has no unit")
    return Value(metric=metric, value=number(quantity.get("value"), "value"), unit=unit)


def _metric(code: Json) -> str | None:
    codings = children(code, "coding")
    keys = [(str(coding.get("system")), str(coding.get("code"))) for coding in codings]
    known = sorted((key for key in keys if key in _CODES), key=lambda key: key[0] != _MDC)
    return _CODES[known[0]] if known else None


CONVENTION = Convention(name="fhir", title="FHIR R4 Observation", read=_read)
