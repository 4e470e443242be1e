"""Theengs Gateway and OpenMQTTGateway: what they decoded of a Bluetooth advertisement, as JSON.

The keys are those of the Theengs decoder (github.com/theengs/decoder, src/devices). There is no
time in it: the gateway's capture counts. The `unit` of a weight is taken from the document alone,
because the same scale sends kg, lb or jin by a switch on its back.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Facts, Quality, State, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, invalid, number, parse

_WEIGHTS = {"kg": "kg", "lb": "[lb_av]", "lbs": "[lb_av]"}
_BATTERY_LOW_PERCENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and what it measures; without `unit` the document's own `unit` says it."""

    metric: str
    unit: str | None = None
    quality: Quality = Quality.NONE


KEYS: dict[str, Key] = {
    "weight": Key(metric="body_weight"),
    "impedance": Key(metric="body_impedance", unit="Ohm"),
    "bpm": Key(metric="heart_rate", unit="/min"),
    "act_bpm": Key(metric="heart_rate", unit="/min"),
    # Counted since midnight: a day's sum of them would be many times the steps.
    "steps": Key(metric="step_count", unit="1", quality=Quality.SUMMARY_STATISTIC),
    # A thermometer that advertises hangs on a wall or sticks in a roast, never in a mouth.
    "tempc": Key(metric="ambient_temperature", unit="Cel"),
}

_FACTS = ("brand", "model", "model_id")
_IDENTITY = ("id", "mac", *KEYS, "unit", "weighing_mode")


def _read(text: str) -> tuple[Decoded, ...]:
    document = parse(text)
    if not isinstance(document.get("model_id"), str):
        raise PayloadError("no model_id: the gateway did not decode this advertisement")
    if document.get("weighing_mode") == "object":
        return (_decoded(document, (), Quality.NONE, State.INFORMATION),)
    readings = tuple(_value(document, key) for key in KEYS if key in document)
    if not readings:
        raise PayloadError(
            "no key of what Balise measures; a mapping can declare others",
            reason=Reason.METRIC_UNKNOWN,
        )
    return (_decoded(document, readings, _battery(document), State.MEASURED),)


def _decoded(
    document: Json, readings: tuple[Value, ...], quality: Quality, state: State
) -> Decoded:
    device = document.get("id", document.get("mac"))
    return Decoded(
        readings=readings,
        # Signal strength changes with every repeat of one advertisement, the figures don't.
        sequence=zlib.crc32(repr([document.get(key) for key in _IDENTITY]).encode()) & 0x7FFFFFFF,
        device=device if isinstance(device, str) else None,
        quality=quality,
        state=state,
        facts=_facts(document),
    )


def _facts(document: Json) -> Facts:
    said = ((key, document.get(key)) for key in (*_FACTS, "weighing_mode"))
    return tuple((key, value) for key, value in said if isinstance(value, str))


def _value(document: Json, key: str) -> Value:
    known = KEYS[key]
    return Value(
        metric=known.metric,
        value=number(document[key], key),
        unit=known.unit or _unit(document, key),
        quality=known.quality,
    )


def _unit(document: Json, key: str) -> str:
    unit = document.get("unit")
    if unit is None:
        raise PayloadError(
            f"{key} without unit: declare it in a mapping, or send it", reason=Reason.UNIT_UNKNOWN
        )
    if not isinstance(unit, str) or unit not in _WEIGHTS:
        raise PayloadError(f"no unit {unit!r} of {key}", reason=Reason.UNIT_UNKNOWN)
    return _WEIGHTS[unit]


def _battery(document: Json) -> Quality:
    percent = document.get("batt")
    low = document.get("lowbatt") is True
    if percent is not None and not isinstance(percent, bool):
        low = low or number(percent, "batt") <= _BATTERY_LOW_PERCENT
    elif percent is not None:
        raise invalid("batt is a number of percent")
    return Quality.BATTERY_LOW if low else Quality.NONE


CONVENTION = Convention(
    name="theengs", title="Theengs Gateway / OpenMQTTGateway (JSON)", read=_read
)
