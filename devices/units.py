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
    ("hPa", "mm[Hg]"): lambda value: _PRECISION.divide(value * 100, Decimal("133.322")),
    ("[lb_av]", "kg"): _times("0.45359237"),
    ("g", "kg"): _times("0.001"),
    ("[oz_av]", "kg"): _times("0.028349523125"),
    ("[stone_av]", "kg"): _times("6.35029318"),
    ("[in_i]", "m"): _times("0.0254"),
    ("cm", "m"): _times("0.01"),
    ("mm", "m"): _times("0.001"),
    ("[yd_i]", "m"): _times("0.9144"),
    ("[ft_i]", "m"): _times("0.3048"),
    ("[degF]", "Cel"): _fahrenheit,
    ("K", "Cel"): lambda value: value - Decimal("273.15"),
    ("s", "ms"): _times("1E+3"),
    # Glucose: 180.156 g/mol (D-glucose).
    ("mmol/L", "mg/dL"): _times("18.0156"),
    # A power of ten moves the point and keeps the precision: 0.00111 kg/L are 111 mg/dL.
    ("kg/L", "mg/dL"): _times("1E+5"),
    ("mol/L", "mg/dL"): _times("18015.6"),
    ("mg/dL", "mmol/L"): lambda value: _PRECISION.divide(value, Decimal("18.0156")),
    ("kcal", "kJ"): _times("4.184"),
    ("cal", "kJ"): _times("0.004184"),
    ("J", "kJ"): _times("0.001"),
    ("s", "min"): lambda value: _PRECISION.divide(value, Decimal(60)),
    ("h", "min"): _times("60"),
    ("d", "min"): _times("1440"),
    ("km", "m"): _times("1E+3"),
    ("[mi_i]", "m"): _times("1609.344"),
    ("1", "%"): _times("1E+2"),
    ("Hz", "/min"): _times("60"),
    ("1/s", "/min"): _times("60"),
    ("[gr]", "kg"): _times("0.00006479891"),
    ("[ston_av]", "kg"): _times("907.18474"),
    ("t", "kg"): _times("1E+3"),
    ("mg", "kg"): _times("1e-6"),
    ("ug", "kg"): _times("1e-9"),
    ("ng", "kg"): _times("1e-12"),
    ("pg", "kg"): _times("1e-15"),
    ("fg", "kg"): _times("1e-18"),
    ("um", "m"): _times("1e-6"),
    ("nm", "m"): _times("1e-9"),
    ("pm", "m"): _times("1e-12"),
    ("fm", "m"): _times("1e-15"),
    ("ms", "min"): lambda value: _PRECISION.divide(value, Decimal(60_000)),
    ("us", "min"): lambda value: _PRECISION.divide(value, Decimal(60_000_000)),
    ("ns", "min"): lambda value: _PRECISION.divide(value, Decimal(60_000_000_000)),
    ("ps", "min"): lambda value: _PRECISION.divide(value, Decimal(60_000_000_000_000)),
    ("wk", "min"): _times("10080"),
    # UCUM's month and year are means: 30.4375 and 365.25 days.
    ("mo", "min"): _times("43830"),
    ("a", "min"): _times("525960"),
    ("km/h", "m/s"): lambda value: _PRECISION.divide(value, Decimal("3.6")),
    ("min/[mi_i]", "min/km"): lambda value: _PRECISION.divide(value, Decimal("1.609344")),
    ("mL/min", "L/min"): _times("0.001"),
}


def convert(value: Decimal, unit: str, to: str) -> Decimal:
    """Return the value in another unit; a unit not in the table is refused, never guessed."""
    if unit == to:
        return value
    conversion = _CONVERSIONS.get((unit, to))
    if conversion is None:
        raise NotUnderstood(f"no conversion from {unit} to {to}", reason=Reason.UNIT_UNKNOWN)
    return conversion(value)
