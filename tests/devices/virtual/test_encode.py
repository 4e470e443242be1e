"""Against values worked out by hand from IEEE 11073-20601 and the Bluetooth specifications."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from devices import (
    blood_pressure,
    body_composition,
    cgm,
    glucose,
    heart_rate,
    thermometer,
    weight_scale,
)
from devices.crc import e2e_crc
from devices.time_services import CURRENT_TIME
from devices.virtual import encode, words


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
    assert words.sfloat(Decimal(value)).hex() == expected


def test_sfloat_of_nothing_is_not_a_number():
    assert words.sfloat(None).hex() == "ff07"


@pytest.mark.parametrize(("value", "expected"), [("36.4", "6c0100ff"), ("37.00", "740e00fe")])
def test_float(value: str, expected: str):
    assert words.float32(Decimal(value)).hex() == expected


@pytest.mark.parametrize("value", ["2045", "-2045", "1E+8", "1E-9"])
def test_what_an_sfloat_cannot_hold_is_refused(value: str):
    with pytest.raises(ValueError, match="does not fit 16 bits"):
        words.sfloat(Decimal(value))


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_no_number_is_refused(value: str):
    with pytest.raises(ValueError, match="no number"):
        words.float32(Decimal(value))


def test_date_time():
    assert words.date_time(datetime(2026, 5, 12, 18, 53, 43)).hex() == "ea07050c12352b"  # noqa: DTZ001


def wall(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type,misc] # parts in order  # noqa: DTZ001 - a wall clock


# Figures on the left, bytes that real devices sent on the right (tests/vectors/frames.json).
@pytest.mark.parametrize(
    ("made", "sent"),
    [
        (
            encode.frame(
                CURRENT_TIME,
                clock=wall(2026, 5, 12, 18, 53, 43),
                day_of_week=2,
                fractions256=17,
                adjust_reason=1,
            ),
            "ea07050c12352b021101",
        ),
        (
            encode.frame(
                blood_pressure.MEASUREMENT,
                systolic_blood_pressure=Decimal(124),
                diastolic_blood_pressure=Decimal(86),
                mean_arterial_pressure=Decimal(97),
                clock=wall(2024, 6, 15, 17, 17, 27),
                pulse_rate=Decimal(51),
                measurement_status=0,
            ),
            "167c0056006100e807060f11111b33000000",
        ),
        (
            encode.frame(
                weight_scale.MEASUREMENT,
                body_weight=Decimal("61.370"),
                clock=wall(2021, 7, 23, 21, 33, 31),
                user=2,
                body_mass_index=Decimal("21.2"),
                body_height=Decimal("1.7"),
            ),
            "0ef22fe507071715211f02d400a406",
        ),
        (
            encode.frame(
                body_composition.MEASUREMENT,
                body_fat_percentage=Decimal("18.2"),
                basal_metabolic_rate=Decimal(6163),
                muscle_percentage=Decimal("41.9"),
                soft_lean_mass=Decimal("47.600"),
                body_water_mass=Decimal("34.500"),
                body_impedance=Decimal("293.7"),
            ),
            "9803b6001318a3013025f41a790b",
        ),
        (
            encode.frame(
                glucose.MEASUREMENT,
                flags=0x10,
                sequence=15,
                clock=wall(2024, 1, 30, 5, 58, 27),
                offset=339,
                blood_glucose=Decimal("0.00111"),
                sample=(8, 15),
                sensor_status=0,
            ),
            "1b0f00e807011e053a1b53016fb0f80000",
        ),
        (
            encode.frame(
                heart_rate.MEASUREMENT,
                flags=0x06,
                heart_rate=Decimal(80),
                energy_expended=Decimal(42),
                rr_interval=(Decimal("707.0312500"),),
            ),
            "1e502a00d402",
        ),
        (
            encode.frame(thermometer.MEASUREMENT, body_temperature=None),
            "00ffff7f00",
        ),
    ],
    ids=["clock", "cuff", "scale", "body", "meter", "strap", "thermometer"],
)
def test_figures_become_the_bytes_that_devices_send(made: bytes, sent: str):
    assert made.hex() == sent


def test_a_glucose_sensors_packet_with_its_checksum():  # nRF-Connect #174
    body = encode.frame(
        cgm.RECORD,
        interstitial_glucose=Decimal(115),
        minutes=300,
        cal_temp=3,
        trend=Decimal(36),
        sensor_quality=Decimal(26),
    )
    packet = bytes((len(body) + 3,)) + body
    packet += e2e_crc(packet).to_bytes(2, "little")
    assert packet.hex() == "0d4373002c010324001a003e04"


@pytest.mark.parametrize(
    "figures",
    [
        {"body_weight": Decimal("70.502")},
        {"body_weight": Decimal(400)},
        {"body_weight": Decimal(70), "colour": 1},
        {"body_mass_index": Decimal(20)},
    ],
)
def test_what_has_no_place_or_does_not_fit_is_refused(figures: dict[str, Any]):
    with pytest.raises(ValueError, match=r"2A9D|weight"):
        encode.frame(weight_scale.MEASUREMENT, **figures)
