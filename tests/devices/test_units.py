from __future__ import annotations

from decimal import Decimal

import pytest

from balise.errors import NotUnderstood, Reason
from devices.units import convert


# Expected values: @lhncbc/ucum-lhc 7.1.10, and the definitions of the pound and the inch.
@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        ("16", "kPa", "mm[Hg]", "120.010200867"),
        ("150", "[lb_av]", "kg", "68.03885550"),
        ("98.6", "[degF]", "Cel", "37"),
        ("10.0", "mmol/L", "mg/dL", "180.1560"),
        ("65.2", "[in_i]", "m", "1.656080"),
        ("36.50", "Cel", "Cel", "36.50"),
    ],
)
def test_known_conversions(value: str, unit: str, to: str, expected: str):
    assert convert(Decimal(value), unit, to) == Decimal(expected)


def test_the_same_unit_keeps_its_digits():
    assert str(convert(Decimal("36.50"), "Cel", "Cel")) == "36.50"


@pytest.mark.parametrize("unit", ["mmHg", "bpm", "stone", ""])
def test_an_unknown_unit_is_refused_not_guessed(unit: str):
    with pytest.raises(NotUnderstood) as refused:
        convert(Decimal(1), unit, "kg")
    assert refused.value.reason is Reason.UNIT_UNKNOWN
