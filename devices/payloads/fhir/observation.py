"""An Observation to what it says: readings, facts, and what is known against them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Facts, Quality, State, Value
from devices.payloads.document import Json, child, children, fact, invalid, moment, number
from devices.payloads.fhir import flags, values
from devices.payloads.fhir.codes import CLOCK, CONTEXT_OF, CONTROL, codes_of, metric_of
from devices.payloads.fhir.ucum import ucum

_VOID_STATUS = ("entered-in-error", "cancelled")
_STATUS = ("registered", "preliminary", "final", "amended", "corrected", "unknown", *_VOID_STATUS)


def read(resource: Json) -> Decoded:
    """Return what an Observation says; one that says nothing at all is refused."""
    quality = _quality(resource)
    taken_at = moment(_effective(resource), "effective[x]")
    if not CLOCK.isdisjoint(codes_of(child(resource, "code"))):
        return replace(_clock(resource), taken_at=taken_at, quality=quality | _fault(resource))
    parts = [resource, *children(resource, "component")]
    readings = _placed(value for part in parts if (value := _value(part)) is not None)
    said = tuple(one for part in parts for one in _said(part))
    absent = child(resource, "dataAbsentReason")
    if not readings and not said:
        raise PayloadError("an Observation that says nothing", reason=Reason.METRIC_UNKNOWN)
    return Decoded(
        readings=readings,
        taken_at=taken_at,
        person=values.text(child(resource, "subject") or {}, "reference") or None,
        quality=quality | _of_parts(parts),
        state=_state(parts, readings, absent),
        facts=(*said, *_context(parts), *_beside(resource)),
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


def _clock(resource: Json) -> Decoded:
    """Return the device's clock and the gateway's, read at one moment."""
    device = values.text(child(resource, "subject") or {}, "reference")
    gateway = values.text(child(resource, "device") or {}, "reference")
    absent = child(resource, "dataAbsentReason") or {}
    fault = values.text(absent, "text") or values.code(absent)
    parts = children(resource, "component")
    return Decoded(
        readings=(),
        state=State.INFORMATION,
        facts=(
            fact("clock", values.concept(child(resource, "code"))),
            *values.facts("device_time", resource),
            fact("gateway_time", _effective(resource)),
            *_named(("device", device), ("gateway", gateway), ("fault", fault)),
            *(one for part in parts for one in _said(part)),
        ),
    )


def _named(*facts: tuple[str, str]) -> Facts:
    return tuple(fact(name, value) for name, value in facts if value)


def _fault(resource: Json) -> Quality:
    return Quality.CLOCK_FAULT if child(resource, "dataAbsentReason") else Quality.NONE


def _value(part: Json) -> Value | None:
    """Return the figure of an Observation or a component, None where it holds none of ours."""
    quantity, metric = child(part, "valueQuantity"), metric_of(child(part, "code"))
    if quantity is None or metric is None or child(part, "dataAbsentReason") is not None:
        return None
    if quantity.get("comparator") is not None:
        raise invalid("a quantity with a comparator is no measurement")
    unit = values.text(quantity, "code") or values.text(quantity, "unit")
    if not unit:
        raise invalid("valueQuantity has no unit")
    return Value(metric=metric, value=number(quantity.get("value"), "value"), unit=ucum(unit))


def _placed(found: Iterable[Value]) -> tuple[Value, ...]:
    """Return the readings, those of one metric numbered."""
    seen: dict[str, int] = {}
    placed: list[Value] = []
    for value in found:
        position = seen.get(value.metric, 0)
        seen[value.metric] = position + 1
        placed.append(replace(value, position=position))
    return tuple(placed)


def _said(part: Json) -> Iterator[tuple[str, str]]:
    """Yield what is no reading: a value of another kind or metric, and why one is absent."""
    name = values.concept(child(part, "code")) or "value"
    reason = child(part, "dataAbsentReason")
    if _value(part) is None:
        yield from values.facts(name, part)
    if reason is not None:
        yield fact(name, values.code(reason))


def _of_parts(parts: list[Json]) -> Quality:
    quality = Quality.NONE
    for part in parts:
        quality |= flags.interpreted(part)
        if part.get("valueBoolean") is True:
            quality |= flags.of_bit(child(part, "code") or {})
    reason = child(parts[0], "dataAbsentReason")
    return quality | (flags.absent(reason) if reason is not None else Quality.NONE)


def _state(parts: list[Json], readings: tuple[Value, ...], absent: Json | None) -> State:
    if any(not CONTROL.isdisjoint(codes_of(child(part, "code"))) for part in parts):
        return State.CONTROL
    if readings:
        return State.MEASURED
    return State.INFORMATION if absent is None else State.NO_VALUE


def _context(parts: list[Json]) -> Facts:
    """Return what codes say of site, specimen and modality."""
    concepts = [child(part, key) for part in parts for key in ("code", "valueCodeableConcept")]
    found = (CONTEXT_OF.get(code, ()) for one in concepts for code in codes_of(one))
    return tuple(dict.fromkeys(fact(*one) for facts in found for one in facts))


def _beside(resource: Json) -> Facts:
    """Return the site, method, ranges, interpretations, notes and extensions."""
    parts = [resource, *children(resource, "component")]
    named = (("body_site", "bodySite"), ("method", "method"))
    ranges = (one for part in parts for one in children(part, "referenceRange"))
    readings = (one for part in parts for one in children(part, "interpretation"))
    device = values.text(child(resource, "device") or {}, "reference")
    return (
        *(fact(name, values.concept(one)) for name, key in named if (one := child(resource, key))),
        *(fact("reference_range", values.reference_range(one)) for one in ranges),
        *(fact("interpretation", values.concept(one)) for one in readings),
        *(fact("note", values.text(note, "text")) for note in children(resource, "note")),
        *_named(("device", device)),
        *values.extensions(resource),
    )
