"""Documents as github.com/theengs/decoder expects them in tests/BLE/test_ble.cpp."""

from __future__ import annotations

import json

import pytest

from balise.errors import PayloadError, Reason
from balise.model import Quality, State
from devices.payloads import theengs

READ = theengs.CONVENTION.read
SCALE = {
    "brand": "Xiaomi",
    "model": "Mi Body Composition Scale",
    "model_id": "XMTZC02HM/XMTZC05HM",
    "type": "SCALE",
    "weighing_mode": "person",
}


def figures(**keys: object) -> dict[str, tuple[str, str]]:
    (decoded,) = READ(json.dumps(SCALE | keys))
    return {v.metric: (str(v.value), v.unit) for v in decoded.readings}


def test_kilograms_and_pounds_as_the_scale_says():
    assert figures(unit="kg", weight=72.45, impedance=503) == {
        "body_weight": ("72.45", "kg"),
        "body_impedance": ("503", "Ohm"),
    }
    assert figures(unit="lb", weight=140.65)["body_weight"] == ("140.65", "[lb_av]")


@pytest.mark.parametrize("unit", [{}, {"unit": "jin"}, {"unit": ["kg"]}, {"unit": 1}])
def test_a_weight_without_known_unit_is_refused(unit: dict[str, object]):
    with pytest.raises(PayloadError) as refused:
        figures(weight=97.7, **unit)
    assert refused.value.reason is Reason.UNIT_UNKNOWN


def test_a_suitcase_is_nobodys_weight():
    (decoded,) = READ(json.dumps(SCALE | {"weighing_mode": "object", "unit": "kg", "weight": 5.1}))
    assert (decoded.readings, decoded.state) == ((), State.INFORMATION)


def test_a_rooms_thermometer_is_no_fever():
    document = {"brand": "SwitchBot", "model_id": "THX1/W230150X", "tempc": 36.9, "tempf": 98.42}
    (decoded,) = READ(json.dumps(document))
    assert [value.metric for value in decoded.readings] == ["ambient_temperature"]


def test_steps_since_midnight_are_no_increment():
    (decoded,) = READ(json.dumps({"model_id": "MB/SW", "steps": 7842}))
    assert decoded.readings[0].quality is Quality.SUMMARY_STATISTIC


def test_a_repeat_of_one_advertisement_has_one_number():
    one, two = (
        READ(json.dumps(SCALE | {"unit": "kg", "weight": 72.45, "rssi": rssi}))[0]
        for rssi in (-60, -81)
    )
    assert one.sequence == two.sequence


def test_a_low_battery():
    (decoded,) = READ(json.dumps(SCALE | {"unit": "kg", "weight": 72.45, "batt": 4}))
    assert decoded.quality is Quality.BATTERY_LOW


@pytest.mark.parametrize("document", [{"id": "AA:BB"}, {"model_id": "MBXPRO", "hum": 49.4}])
def test_what_is_nobodys_figure_is_refused(document: dict[str, object]):
    with pytest.raises(PayloadError):
        READ(json.dumps(document))
