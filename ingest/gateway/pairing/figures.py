"""What a person is told of a measurement that arrived: "132/78 mmHg"."""

from __future__ import annotations

from balise.errors import NotUnderstood
from balise.model import State, Value
from devices import plausibility, validation
from devices.payloads import balise_v1

_UNITS = {"mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "[lb_av]": "lb"}
_SHOWN = (
    "pulse_rate",
    "heart_rate",
    "body_weight",
    "body_temperature",
    "oxygen_saturation",
    "blood_glucose",
    "interstitial_glucose",
    "body_fat_percentage",
)


def figures(body: bytes) -> tuple[str, ...]:
    """Return what to show of a spooled item, nothing where it is no measurement."""
    try:
        found = validation.decode(balise_v1.read_item(body))
    except NotUnderstood:
        return ()
    measured = [one for one in found if one.state is State.MEASURED]
    return tuple(text for one in measured for text in _texts({v.metric: v for v in one.readings}))


def _texts(by_metric: dict[str, Value]) -> list[str]:
    texts: list[str] = []
    systolic = by_metric.get("systolic_blood_pressure")
    diastolic = by_metric.get("diastolic_blood_pressure")
    if systolic and diastolic:
        texts.append(f"{systolic.value:f}/{_text(diastolic)}")
    return texts + [_text(by_metric[name]) for name in _SHOWN if name in by_metric]


def _text(value: Value) -> str:
    """Return a figure in the unit that its device shows, a concentration in mg/dL."""
    if value.unit in ("kg/L", "mol/L"):
        canonical, _ = plausibility.canonical(value.metric, value.value, value.unit)
        return f"{canonical:.0f} mg/dL"
    return f"{value.value:f} {_UNITS.get(value.unit, value.unit)}"
