"""Against values worked out by hand from IEEE 11073-20601 and the Bluetooth specifications."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from devices.virtual import encode


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", "7800"),  # a cuff's 120 mmHg, as every field capture has it
        ("36.4", "6cf1"),
        ("16.00", "40e6"),  # three exponents of one number are three encodings
        ("16.0", "a0f0"),
        ("16", "1000"),
        ("1E+2", "0120"),
        ("-0.1", "ffff"),
        ("2044", "fc07"),
    ],
)
def test_sfloat(value: str, expected: str):
    assert encode.sfloat(Decimal(value)).hex() == expected


def test_sfloat_of_nothing_is_not_a_number():
    assert encode.sfloat(None).hex() == "ff07"


@pytest.mark.parametrize(("value", "expected"), [("36.4", "6c0100ff"), ("37.00", "740e00fe")])
def test_float(value: str, expected: str):
    assert encode.float32(Decimal(value)).hex() == expected


@pytest.mark.parametrize("value", ["2045", "-2045", "1E+8", "1E-9"])
def test_what_an_sfloat_cannot_hold_is_refused(value: str):
    with pytest.raises(ValueError, match="does not fit 16 bits"):
        encode.sfloat(Decimal(value))


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_no_number_is_refused(value: str):
    with pytest.raises(ValueError, match="no number"):
        encode.float32(Decimal(value))


def test_date_time():
    assert encode.date_time(datetime(2026, 5, 12, 18, 53, 43)).hex() == "ea07050c12352b"  # noqa: DTZ001


def test_current_time():  # ble-scale-sync #168: a write that a scale took, but for the reason
    moment = datetime(2026, 5, 12, 18, 53, 43, 66_407)  # noqa: DTZ001
    assert encode.current_time(moment).hex() == "ea07050c12352b021100"
