"""Unit conversion, exact: one table of UCUM units to the canonical unit of each metric."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal

from balise.errors import NotUnderstood, Reason

_PRECISION = Context(prec=12)


def _times(factor: str) -> Callable[[Decimal], Decimal]:
    exact = Decimal(factor)
    return lambda value: value * exact


def _fahrenheit(value: Decimal) -> Decimal:
    return _PRECISION.divide((value - 32) * 5, Decimal(9))


_CONVERSIONS: dict[tuple[str, str], Callable[[Decimal], Decimal]] = {
    # UCUM defines m[Hg] as 133.3220 kPa, so that 16 kPa are 120.0102008670737 mm[Hg].
    ("kPa", "mm[Hg]"): lambda value: _PRECISION.divide(value * 1000, Decimal("133.322")),
    ("Pa", "mm[Hg]"): lambda value: _PRECISION.divide(value, Decimal("133.322")),
    ("[lb_av]", "kg"): _times("0.45359237"),
    ("g", "kg"): _times("0.001"),
    ("[in_i]", "m"): _times("0.0254"),
    ("cm", "m"): _times("0.01"),
    ("[ft_i]", "m"): _times("0.3048"),
    ("[degF]", "Cel"): _fahrenheit,
    ("K", "Cel"): lambda value: value - Decimal("273.15"),
    ("s", "ms"): _times("1000"),
    # Glucose: 180.156 g/mol (D-glucose).
    ("mmol/L", "mg/dL"): _times("18.0156"),
    ("kg/L", "mg/dL"): _times("100000"),
    ("mol/L", "mg/dL"): _times("18015.6"),
    ("mg/dL", "mmol/L"): lambda value: _PRECISION.divide(value, Decimal("18.0156")),
    ("kcal", "kJ"): _times("4.184"),
    ("J", "kJ"): _times("0.001"),
    ("s", "min"): lambda value: _PRECISION.divide(value, Decimal(60)),
    ("h", "min"): _times("60"),
    ("d", "min"): _times("1440"),
    ("km", "m"): _times("1000"),
    ("[mi_i]", "m"): _times("1609.344"),
    ("Hz", "/min"): _times("60"),
    ("1/s", "/min"): _times("60"),
}


def convert(value: Decimal, unit: str, to: str) -> Decimal:
    """Return the value in another unit; a unit not in the table is refused, never guessed."""
    if unit == to:
        return value
    conversion = _CONVERSIONS.get((unit, to))
    if conversion is None:
        raise NotUnderstood(f"no conversion from {unit} to {to}", reason=Reason.UNIT_UNKNOWN)
    return conversion(value)
