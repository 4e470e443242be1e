"""Devices, gateways, what they measure, and patients: information, never who somebody is."""

from __future__ import annotations

from collections.abc import Iterator

from balise.model import Decoded, State
from devices.payloads.document import Json, child, children, fact
from devices.payloads.fhir import values

_DEVICE = (
    ("id", "id"),
    ("manufacturer", "manufacturer"),
    ("model", "modelNumber"),
    ("serial", "serialNumber"),
    ("lot", "lotNumber"),
    ("part", "partNumber"),
    ("status", "status"),
    ("distinct_identifier", "distinctIdentifier"),
    ("manufactured_on", "manufactureDate"),
    ("expires_on", "expirationDate"),
)
_METRIC = (
    ("id", "id"),
    ("category", "category"),
    ("operational_status", "operationalStatus"),
    ("color", "color"),
)
Found = Iterator[tuple[str, str]]


def _information(kind: str, found: Found, person: str | None = None) -> Decoded:
    facts = (fact("resource", kind), *(one for one in found if one[1]))
    return Decoded(readings=(), state=State.INFORMATION, person=person, facts=facts)


def patient(resource: Json) -> Decoded:
    """Return that there is a patient; name, birth date and identifiers are not said."""
    name = values.text(resource, "id")
    return _information("Patient", iter(()), person=f"Patient/{name}" if name else None)


def device(resource: Json) -> Decoded:
    """Return what a device or a gateway says of itself."""
    return _information("Device", _device(resource))


def device_metric(resource: Json) -> Decoded:
    """Return what a device says it can measure."""
    return _information("DeviceMetric", _device_metric(resource))


def _device(resource: Json) -> Found:
    yield from _texts(resource, _DEVICE)
    yield fact("type", values.concept(child(resource, "type")))
    for name in children(resource, "deviceName"):
        yield fact("device_name", values.text(name, "name"))
    for identifier in children(resource, "identifier"):
        kind = children(child(identifier, "type") or {}, "coding")
        code = next((values.text(coding, "code") for coding in kind), "")
        yield fact(f"identifier.{code}".rstrip("."), values.text(identifier, "value"))
    for special in children(resource, "specialization"):
        system = values.concept(child(special, "systemType"))
        yield fact("specialization", f"{system} {values.text(special, 'version')}".strip())
    for version in children(resource, "version"):
        kind_of = values.concept(child(version, "type"))
        yield fact(f"version.{kind_of}", values.text(version, "value"))
    for carrier in children(resource, "udiCarrier"):
        yield fact("udi", values.text(carrier, "deviceIdentifier"))
    for one in children(resource, "property"):
        yield from _property(one)


def _property(one: Json) -> Found:
    name = values.concept(child(one, "type"))
    for code in children(one, "valueCode"):
        yield fact(name, values.concept(code))
    for quantity in children(one, "valueQuantity"):
        yield fact(name, values.quantity(quantity))


def _device_metric(resource: Json) -> Found:
    yield from _texts(resource, _METRIC)
    yield fact("type", values.concept(child(resource, "type")))
    yield fact("unit", values.concept(child(resource, "unit")))
    yield fact("source", values.text(child(resource, "source") or {}, "reference"))
    for calibration in children(resource, "calibration"):
        said = (values.text(calibration, key) for key in ("type", "state", "time"))
        yield fact("calibration", " ".join(one for one in said if one))
    repeat = child(child(resource, "measurementPeriod") or {}, "repeat") or {}
    yield from (
        fact(f"measurement_period.{key}", repeat[key])
        for key in ("frequency", "period", "periodUnit")
        if isinstance(repeat.get(key), (str, int))
    )


def _texts(resource: Json, rows: tuple[tuple[str, str], ...]) -> Found:
    return (fact(name, values.text(resource, key)) for name, key in rows)
