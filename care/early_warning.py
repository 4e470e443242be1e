"""What somebody writes down for a NEWS2: read from a form, and what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from balise.errors import ObservationUnsafe
from balise.metrics import METRICS
from care.forms import within
from care.metrics.news2 import Consciousness, Observations

T = TypeVar("T")

NUMBERS = (
    "respiratory_rate",
    "oxygen_saturation",
    "systolic_blood_pressure",
    "pulse_rate",
    "body_temperature",
)
"""Each a metric; an empty field is what nobody measured."""

_OXYGEN = {"": None, "yes": True, "no": False}
_CONSCIOUS: dict[str, Consciousness | None] = {"": None, **{one: one for one in Consciousness}}
_SCALES = {"yes": True, "no": False}


def written(fields: Mapping[str, str]) -> Observations:
    """Return the observations of a form; nothing is supposed of what is left empty, nor the scale.

    Raises ObservationUnsafe for what is no number, or no human being has.
    """
    numbers = {name: _number(name, fields.get(name, "").strip()) for name in NUMBERS}
    return Observations(
        **numbers,
        on_oxygen=_chosen("on_oxygen", fields, _OXYGEN),
        consciousness=_chosen("consciousness", fields, _CONSCIOUS),
        hypercapnic=_chosen("hypercapnic", fields, _SCALES),
    )


def _chosen(name: str, fields: Mapping[str, str], choices: Mapping[str, T]) -> T:
    said = fields.get(name, "")
    if said not in choices:
        raise ObservationUnsafe(field=name, said=said, lowest="", highest="")
    return choices[said]


def _number(name: str, said: str) -> Decimal | None:
    return within(ObservationUnsafe, name, said, *METRICS[name].impossible) if said else None


def is_observed(seen: Observations) -> bool:
    """Return whether anything at all was observed; the scale is a prescription."""
    return replace(seen, hypercapnic=False) != Observations()


def content(seen: Observations) -> dict[str, Any]:
    """Return what is stored of observations; numbers as text, which keeps their digits."""
    numbers = {name: getattr(seen, name) for name in NUMBERS}
    return {
        **{name: None if value is None else str(value) for name, value in numbers.items()},
        "on_oxygen": seen.on_oxygen,
        "consciousness": seen.consciousness,
        "hypercapnic": seen.hypercapnic,
    }
