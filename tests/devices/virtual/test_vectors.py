"""Real devices' frames made again from the figures they hold: no byte of ours judges another."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from balise.model import Quality
from devices import (
    blood_pressure,
    body_composition,
    enhanced_blood_pressure,
    glucose,
    heart_rate,
    mi_scale,
    oximeter,
    registry,
    thermometer,
    weight_scale,
)
from devices.frame import Frame
from devices.virtual import encode, parts

ROWS = json.loads((Path(__file__).parents[2] / "vectors" / "frames.json").read_text())
SENT = {row["id"]: row["hex"] for row in ROWS}

PRESSURES = ("systolic_blood_pressure", "diastolic_blood_pressure", "mean_arterial_pressure")
LAYOUTS = {
    "bp": blood_pressure.MEASUREMENT,
    "hr": heart_rate.MEASUREMENT,
    "temp": thermometer.MEASUREMENT,
    "wt": weight_scale.MEASUREMENT,
    "spot": oximeter.SPOT_CHECK,
    "plx": oximeter.CONTINUOUS,
}


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pressures(*values: str | None) -> dict[str, Decimal | None]:
    numbers = [None if one is None else Decimal(one) for one in values]
    return dict(zip(PRESSURES, numbers, strict=True))


def cuff(clock: str | None = "2024-06-15T17:17:27", status: int = 0) -> dict[str, Any]:
    stamp = None if clock is None else wall(clock)
    rest = {"clock": stamp, "pulse_rate": Decimal(51), "measurement_status": status}
    return pressures("124", "86", "97") | rest


def beat(rate: int, *intervals: str, **more: Any) -> dict[str, Any]:
    rows = {"rr_interval": [Decimal(one) for one in intervals]} if intervals else {}
    return {"heart_rate": rate, **rows, **more}


MADE: dict[str, tuple[str, int, dict[str, Any]]] = {
    "bp-good-baseline": ("bp", 0, cuff()),
    "bp-nan-movement": (
        "bp",
        0,
        pressures(None, None, None)
        | {"clock": wall("2024-06-23T14:35:10"), "pulse_rate": None, "measurement_status": 0},
    ),
    "bp-unset-clock-default": (
        "bp",
        0,
        pressures("125", "88", None)
        | {"clock": wall("2017-01-01T00:00:59"), "pulse_rate": Decimal(95)},
    ),
    "bp-kpa-units": ("bp", 0x01, pressures("16.5", "11.5", "12.9")),
    "bp-pulse-range-low": ("bp", 0, cuff(status=0x10)),
    "bp-pulse-range-high": ("bp", 0, cuff(status=0x08)),
    "bp-year-zero": ("bp", 0, cuff(clock=None)),
    "bp-plain": ("bp", 0, pressures("120", "80", "93")),
    "hr-multiple-rr": ("hr", 0x06, beat(80, "707.03125", "656.25")),
    "hr-rr-length-check": ("hr", 0, beat(75, "976.5625")),
    "hr-off-skin-garbage": ("hr", 0, beat(83)),
    "hr-energy-shifts-rr": ("hr", 0x06, beat(80, "707.03125", energy_expended=42)),
    "hr-contact-false-then-true": ("hr", 0x04, beat(98, "728.515625")),
    "hr-zero": ("hr", 0x06, beat(0)),
    "temp-float-special": ("temp", 0, {"body_temperature": Quality.POSITIVE_INFINITY}),
    "temp-nres": ("temp", 0, {"body_temperature": Quality.NOT_AT_THIS_RESOLUTION}),
    "temp-36.4": ("temp", 0, {"body_temperature": Decimal("36.4")}),
    "temp-36.6": ("temp", 0, {"body_temperature": Decimal("36.6")}),
    "plx-status-ignored": (
        "spot",
        0,
        {
            "oxygen_saturation": Decimal(97),
            "pulse_rate": Decimal(72),
            "measurement_status": 0x2000,
        },
    ),
    "plx-nan": ("plx", 0, {"oxygen_saturation": None, "pulse_rate": None}),
    "plx-96.2": ("plx", 0, {"oxygen_saturation": Decimal("96.2"), "pulse_rate": Decimal(72)}),
    "wt-lb-flag": ("wt", 0x01, {"body_weight": Decimal("195.40")}),
    "wt-user-unknown": (
        "wt",
        0,
        {"body_weight": Decimal(70), "clock": wall("2024-06-23T14:35:10"), "user": None},
    ),
    "wt-bf600": (
        "wt",
        0,
        {
            "body_weight": Decimal("61.37"),
            "clock": wall("2021-07-23T21:33:31"),
            "user": 2,
            "body_mass_index": Decimal("21.2"),
            "body_height": Decimal("1.7"),
        },
    ),
    "wt-imperial-bmi": (
        "wt",
        0x01,
        {
            "body_weight": Decimal("146.2"),
            "body_mass_index": Decimal(25),
            "body_height": Decimal("65.2"),
        },
    ),
    "wt-failed": ("wt", 0, {"body_weight": None}),
}


@pytest.mark.parametrize("case", MADE)
def test_figures_become_the_bytes_that_were_sent(case: str):
    layout, flags, figures = MADE[case]
    assert encode.frame(LAYOUTS[layout], flags=flags, **figures).hex() == SENT[case]


# ../shared/cases/ble.json, and what the Bluetooth SIG's layouts give by hand.
OTHERS = [
    pytest.param(
        glucose.MEASUREMENT,
        0x04,
        {
            "sequence": 1,
            "clock": wall("2024-06-15T17:17:27"),
            "blood_glucose": Decimal("0.0055"),
            "sample": (1, 1),
        },
        "060100e807060f11111b37c011",
        id="glu-molar",
    ),
    pytest.param(
        glucose.MEASUREMENT,
        0,
        {
            "sequence": 7,
            "clock": wall("2024-06-15T17:17:27"),
            "offset": 0,
            "blood_glucose": Decimal("0.00100"),
            "sample": (10, 4),
        },
        "030700e807060f11111b000064b04a",
        id="glu-control-solution",
    ),
    pytest.param(
        glucose.MEASUREMENT,
        0,
        {
            "sequence": 6,
            "clock": wall("2020-04-13T16:38:10"),
            "offset": 0,
            "blood_glucose": Decimal("0.00120"),
            "sample": (1, 15),
        },
        "030600e407040d10260a000078b0f1",
        id="glu-utf8-corruption",
    ),
    pytest.param(
        glucose.CONTEXT, 0, {"sequence": 4, "meal": 6}, "02040006", id="glu-ketone-as-glucose"
    ),
    pytest.param(
        glucose.CONTEXT,
        0,
        {
            "sequence": 5,
            "extended_flags": 0,
            "carbohydrate": 1,
            "carbohydrate_mass": Decimal("0.050"),
            "meal": 3,
            "tester_and_health": (1, 5),
        },
        "8705000001" + "32d0" + "03" + "51",
        id="context by hand",
    ),
    pytest.param(
        mi_scale.SCALE_2,
        0x0402,
        {
            "clock": wall("2019-07-03T18:22:51"),
            "body_impedance": None,
            "body_weight": Decimal("35.8"),
        },
        "0204e30707031216330000f81b",
        id="mi-unstable-frames",
    ),
    pytest.param(
        enhanced_blood_pressure.MEASUREMENT,
        0x40,
        {
            **pressures("120", "80", "93"),
            "clock": wall("2001-01-24T08:40:32"),
            "pulse_rate": Decimal(72),
            "user": 1,
            "measurement_status": 0,
            "user_facing": wall("2001-01-24T08:40:32"),
        },
        "7e780050005d00" + "80510102" + "4800" + "01" + "0000" + "80510102",
        id="2B34 by hand",
    ),
    pytest.param(
        blood_pressure.INTERMEDIATE_CUFF_PRESSURE,
        0,
        {"cuff_pressure": Decimal(150)},
        "009600ff07ff07",
        id="2A36 by hand",
    ),
    pytest.param(
        body_composition.MEASUREMENT,
        0x01,
        {"body_fat_percentage": None, "muscle_mass": Decimal("61.5")},
        "2100ffff0618",
        id="2A9C by hand, pounds",
    ),
]


@pytest.mark.parametrize(("layout", "flags", "figures", "sent"), OTHERS)
def test_other_figures_become_the_bytes(
    layout: Frame, flags: int, figures: dict[str, Any], sent: str
):
    assert encode.frame(layout, flags=flags, **figures).hex() == sent


def test_no_vector_is_left_out():
    declared = {frame.characteristic for frame in LAYOUTS.values()}
    simple = {row["id"] for row in ROWS if row["characteristic"] in declared and "model" not in row}
    assert simple <= MADE.keys()


def test_every_part_that_is_declared_can_be_written():
    frames = [one for one in registry.CHARACTERISTICS if isinstance(one, Frame)]
    used = {type(part) for frame in frames for part in frame.parts}
    assert used <= parts.WRITERS.keys()


def test_a_unit_that_bars_a_figure_is_refused():
    with pytest.raises(ValueError, match="no place for colour"):
        encode.frame(weight_scale.MEASUREMENT, colour=1)
    with pytest.raises(ValueError, match="do not go together"):
        encode.frame(weight_scale.MEASUREMENT, flags=0x04, body_weight=Decimal(70))


@pytest.mark.parametrize("user", [256, -1])
def test_a_user_that_does_not_fit_is_refused(user: int):
    with pytest.raises(ValueError, match="user"):
        encode.frame(weight_scale.MEASUREMENT, body_weight=Decimal(70), user=user)


def test_bytes_stand_for_themselves():
    clock = bytes.fromhex("e8070d200000ff")  # month 13, day 32
    frame = encode.frame(weight_scale.MEASUREMENT, body_weight=Decimal(70), clock=clock)
    assert frame[3:] == clock
    with pytest.raises(ValueError, match="3 bytes for 7"):
        encode.frame(weight_scale.MEASUREMENT, body_weight=Decimal(70), clock=bytes(3))
