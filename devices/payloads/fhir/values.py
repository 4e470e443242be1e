"""FHIR's value[x] as facts: digits as written, a concept by its MDC reference id or its display."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from balise.model import Facts
from devices.payloads.document import Json, child, children, fact, invalid, number
from devices.payloads.fhir.codes import MDC

_DEPTH = 4
"""How deep extensions in extensions are read."""


def text(holder: Json, key: str) -> str:
    """Return the text under a key, empty where there is none; anything else is invalid."""
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"{key} must be text")
    return value


def concept(value: Json | None) -> str:
    """Return what a concept is called: MDC's reference id, a display, its text or its code."""
    holder = value or {}
    codings = sorted(children(holder, "coding"), key=lambda coding: coding.get("system") != MDC)
    displays = [text(coding, "display") for coding in codings]
    codes = [text(coding, "code") for coding in codings]
    return next((name for name in (*displays, text(holder, "text"), *codes) if name), "")


def code(value: Json) -> str:
    """Return a concept's first code, or what it is called."""
    codes = (text(coding, "code") for coding in children(value, "coding"))
    return next((one for one in codes if one), "") or concept(value)


def quantity(value: Json) -> str:
    """Return a quantity as text."""
    amount = "" if value.get("value") is None else str(number(value["value"], "value"))
    unit = text(value, "code") or text(value, "unit")
    return f"{text(value, 'comparator')}{amount} {unit}".strip()


def _range(value: Json) -> str:
    low, high = (quantity(child(value, end) or {}) for end in ("low", "high"))
    return " to ".join(end for end in (low, high) if end)


def reference_range(value: Json) -> str:
    """Return a reference range as its text, or as its ends."""
    return text(value, "text") or _range(value)


def _ratio(value: Json) -> str:
    parts = (quantity(child(value, part) or {}) for part in ("numerator", "denominator"))
    return " : ".join(parts)


def _period(value: Json) -> str:
    return f"{text(value, 'start')} / {text(value, 'end')}"


_OBJECTS: Mapping[str, Callable[[Json], str]] = {
    "valueQuantity": quantity,
    "valueCodeableConcept": concept,
    "valueCoding": lambda value: concept({"coding": [value]}),
    "valueRange": _range,
    "valueRatio": _ratio,
    "valuePeriod": _period,
    "valueReference": lambda value: text(value, "reference") or text(value, "display"),
    "valueIdentifier": lambda value: text(value, "value"),
}
_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "valueString": str,
    "valueCode": str,
    "valueBoolean": bool,
    "valueInteger": int,
    "valueDecimal": (int, Decimal),
    "valueDateTime": str,
    "valueDate": str,
    "valueTime": str,
    "valueInstant": str,
    "valueUri": str,
}


def scalar(holder: Json, key: str) -> str:
    """Return a plain value as text; one of another type is invalid."""
    value = holder[key]
    kinds = _SCALARS[key]
    if not isinstance(value, kinds) or (kinds is not bool and isinstance(value, bool)):
        raise invalid(f"{key} is of another type")
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(number(value, key))


def sampled(name: str, value: Json) -> Facts:
    """Return a waveform: its samples as written, and what makes figures of them."""
    scales = ("period", "factor", "lowerLimit", "upperLimit", "dimensions")
    return (
        fact(name, text(value, "data")),
        fact(f"{name}.origin", quantity(child(value, "origin") or {})),
        *(
            fact(f"{name}.{key}", number(value[key], key))
            for key in scales
            if value.get(key) is not None
        ),
    )


def facts(name: str, holder: Json) -> Facts:
    """Return the value[x] of an Observation, a component or an extension."""
    objects = ((key, child(holder, key)) for key in _OBJECTS)
    wave = child(holder, "valueSampledData")
    return (
        *(fact(name, _OBJECTS[key](value)) for key, value in objects if value is not None),
        *(fact(name, scalar(holder, key)) for key in _SCALARS if holder.get(key) is not None),
        *(sampled(name, wave) if wave is not None else ()),
    )


def extensions(holder: Json, prefix: str = "", depth: int = _DEPTH) -> Facts:
    """Return what the extensions of a resource say, by the last word of their address."""
    if not depth:
        return ()
    found: list[tuple[str, str]] = []
    for extension in children(holder, "extension"):
        name = prefix + text(extension, "url").rpartition("/")[2]
        found += [*facts(name, extension), *extensions(extension, f"{name}.", depth - 1)]
    return tuple(found)
