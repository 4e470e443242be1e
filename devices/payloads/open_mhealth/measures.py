"""Measures of Open mHealth and IEEE 1752.1: the units each may have, and what UCUM calls them."""

from __future__ import annotations

from devices.payloads.open_mhealth.rules import Measure, Number, Range
from devices.payloads.open_mhealth.shapes import Object, OneOf

DURATION_UNITS = ("ps", "ns", "us", "ms", "sec", "min", "h", "d", "wk", "Mo", "yr")

ANY = Measure()
PERCENT = Measure(("%",))
DURATION = Measure(DURATION_UNITS)
DURATION_RANGE = Range(DURATION_UNITS)
LENGTH = Measure(("fm", "pm", "nm", "um", "mm", "cm", "m", "km", "in", "ft", "yd", "mi"))
AREA = Measure(("mm^2", "cm^2", "m^2", "km^2", "in^2", "ft^2", "yd^2", "mi^2"))
MASS = Measure(
    ("fg", "pg", "ng", "ug", "mg", "g", "kg", "Metric Ton", "gr", "oz", "lb", "Ton"),
)
VOLUME = Measure(
    (
        *("fL", "pL", "nL", "uL", "mL", "cL", "dL", "L", "kL"),
        *("fl oz", "Cup", "in^3", "pt", "qt", "gal", "tsp", "tbsp"),
    )
)
KCAL = Measure(("kcal",))
TEMPERATURE = Measure(("K", "F", "C"))
PRESSURE = Measure(("mmHg",))
SPEED = Measure(("m/s", "km/h"))
PACE = Measure(("min/mi", "min/km"))
ACCELERATION = Measure(("m/s^2",))
ANGLE = Measure(("deg",))
ANGULAR_VELOCITY = Measure(("rad/s",))
MAGNETIC_FLUX_DENSITY = Measure(("pT", "nT", "uT", "mT", "T"))
ILLUMINANCE = Measure(("lx",))
SOUND = Measure(("dB", "dBA"))
TIMES = Object(
    {"number_of_times": Number(), "time_window": OneOf((DURATION, DURATION_RANGE))},
    needs=("number_of_times", "time_window"),
)
FREQUENCY = OneOf((Measure(("Hz",)), TIMES))

_UCUM = {
    "mmHg": "mm[Hg]",
    "C": "Cel",
    "F": "[degF]",
    "Metric Ton": "t",
    "gr": "[gr]",
    "oz": "[oz_av]",
    "lb": "[lb_av]",
    "Ton": "[ston_av]",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "yd": "[yd_i]",
    "mi": "[mi_i]",
    "sec": "s",
    "Mo": "mo",
    "yr": "a",
    "kg/m^2": "kg/m2",
    "beats/min": "/min",
    "breaths/min": "/min",
    "steps": "1",
    "min/mi": "min/[mi_i]",
    "ppm": "[ppm]",
    "events/h": "/h",
    "awakenings/h": "/h",
    "snores/h": "/h",
}


def ucum(unit: str) -> str:
    """Return UCUM's code of a unit; most are the same."""
    return _UCUM.get(unit, unit)
