"""What each virtual device puts on the wire, laid out by hand from the specifications."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.oximeter import Oximeter
from devices.virtual.thermometer import Thermometer
from devices.virtual.weight_scale import WeightScale

ADDRESS = "F0:00:00:00:00:01"
STAMP = "ea070b19073425"  # 2026-11-25 07:52:37


def clock() -> datetime:
    return datetime(2026, 11, 25, 7, 52, 37)  # noqa: DTZ001 - a device's clock has no zone


def test_a_cuff_sends_all_it_has():
    cuff = BloodPressureCuff(address=ADDRESS, name="cuff", clock=clock)
    frame = cuff.measure(
        systolic=Decimal(132),
        diastolic=Decimal(78),
        mean=Decimal(96),
        pulse=Decimal(64),
        status=0x0004,
    )
    assert frame.hex() == "16" + "84004e006000" + STAMP + "4000" + "0400"
    assert list(cuff.memory) == [frame]


def test_a_cuff_without_clock_that_failed():
    cuff = BloodPressureCuff(address=ADDRESS, name="cuff")
    assert cuff.measure(systolic=None, diastolic=None).hex() == "00" + "ff07ff07ff07"


def test_a_clock_may_be_three_years_wrong():
    cuff = BloodPressureCuff(address=ADDRESS, name="cuff", clock=clock)
    cuff.clock_offset = timedelta(days=-3 * 365 - 1)
    at = datetime(2026, 11, 24, 20, 0, 0)  # noqa: DTZ001
    frame = cuff.measure(systolic=Decimal(120), diastolic=Decimal(80), at=at)
    assert frame.hex() == "02" + "78005000ff07" + "e7070b18140000"
    assert cuff.device_time() == datetime(2023, 11, 25, 7, 52, 37)  # noqa: DTZ001


def test_a_thermometer():
    thermometer = Thermometer(address=ADDRESS, name="thermometer")
    assert thermometer.measure(temperature=Decimal("36.4"), site=6).hex() == "046c0100ff06"
    frame = thermometer.measure(temperature=Decimal("97.5"), fahrenheit=True)
    assert frame.hex() == "01cf0300ff"


def test_a_scale():
    scale = WeightScale(address=ADDRESS, name="scale", clock=clock)
    assert scale.measure(weight=Decimal("70.5")).hex() == "021437" + STAMP
    assert scale.measure(weight=None).hex() == "02ffff" + STAMP
    with pytest.raises(ValueError, match="no multiple"):
        scale.measure(weight=Decimal("70.502"))


def test_an_oximeter():
    oximeter = Oximeter(address=ADDRESS, name="oximeter", clock=clock)
    spot = oximeter.measure(saturation=Decimal(97), pulse=Decimal(72), status=0x4000)
    assert spot.hex() == "0361004800" + STAMP + "0040"
    assert oximeter.live() is None
    assert oximeter.finger_in(saturation=Decimal(96), pulse=None).hex() == "006000ff07"
    assert oximeter.live() is not None
    oximeter.finger_out()
    assert oximeter.live() is None


def test_a_strap():
    strap = HeartRateStrap(address=ADDRESS, name="strap")
    assert strap.live().hex() == "0400"  # no skin, no beat
    assert strap.beat(bpm=72, rr_intervals=(853, 1024)).hex() == "164855030004"
    assert strap.beat(bpm=300, contact=None).hex() == "012c01"


def test_a_name_must_fit_an_advertisement():
    with pytest.raises(ValueError, match="22 bytes"):
        HeartRateStrap(address=ADDRESS, name="a strap with too long a name")
