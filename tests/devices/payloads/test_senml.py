"""The examples of RFC 8428, resolved as its section 5.1.4 resolves them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded
from devices import units
from devices.payloads import senml

READ = senml.CONVENTION.read
SENSOR = "urn:dev:ow:10e2073a01080063"


def resolved(*pack: dict[str, object]) -> list[tuple[str, str | None, Decimal, Decimal | None]]:
    return [(r.name, r.unit, r.time, r.value) for r in senml.resolve(json.dumps(list(pack)))]


def test_5_1_1_a_single_data_point():
    assert resolved({"n": SENSOR, "u": "Cel", "v": 23.1}) == [
        (SENSOR, "Cel", Decimal(0), Decimal("23.1"))
    ]


def test_5_1_2_times_relative_to_the_base():
    found = resolved(
        {
            "bn": "urn:dev:ow:10e2073a0108006:",
            "bt": 1.276020076001e09,
            "bu": "A",
            "bver": 5,
            "n": "voltage",
            "u": "V",
            "v": 120.1,
        },
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4, "v": 1.3},
        {"n": "current", "v": 1.7},
    )
    at = Decimal("1276020076.001")
    name = "urn:dev:ow:10e2073a0108006:"
    assert found == [
        (f"{name}voltage", "V", at, Decimal("120.1")),
        (f"{name}current", "A", at - 5, Decimal("1.2")),
        (f"{name}current", "A", at - 4, Decimal("1.3")),
        (f"{name}current", "A", at, Decimal("1.7")),
    ]


def test_5_1_3_resolved_as_5_1_4():
    found = resolved(
        {"bn": SENSOR, "bt": 1.320067464e09, "bu": "%RH", "v": 20},
        {"u": "lon", "v": 24.30621},
        {"u": "lat", "v": 60.07965},
        {"t": 60, "v": 20.3},
        {"u": "%EL", "t": 150, "v": 98},
    )
    assert found == [
        (SENSOR, "%RH", Decimal(1320067464), Decimal(20)),
        (SENSOR, "lon", Decimal(1320067464), Decimal("24.30621")),
        (SENSOR, "lat", Decimal(1320067464), Decimal("60.07965")),
        (SENSOR, "%RH", Decimal(1320067524), Decimal("20.3")),
        (SENSOR, "%EL", Decimal(1320067614), Decimal(98)),
    ]


def test_5_1_5_values_that_are_no_numbers():
    found = resolved(
        {"bn": f"{SENSOR}:", "n": "temp", "u": "Cel", "v": 23.1},
        {"n": "label", "vs": "Machine Room"},
        {"n": "open", "vb": False},
        {"n": "nfc-reader", "vd": "aGkgCg"},
    )
    assert [value for _, _, _, value in found] == [Decimal("23.1"), None, None, None]


def test_base_value_is_added():
    assert [v for *_, v in resolved({"n": "a", "bv": 20, "v": 0.5}, {"n": "a", "v": 1})] == [
        Decimal("20.5"),
        Decimal(21),
    ]


@pytest.mark.parametrize(
    "pack",
    [
        [{"n": "a", "v": 1, "bver": 11}],
        [{"n": "a", "v": 1, "bver": 10}, {"n": "b", "v": 1, "bver": 5}],
        [{"n": "a", "v": 1, "must_": 1}],
        [{"n": "a", "v": 1, "vs": "x"}],
        [{"n": "_a", "v": 1}],
        [{"n": "", "v": 1}],
        [{"n": "a", "v": "1"}],
        [{"n": 1, "v": 1}],
    ],
)
def test_what_the_rfc_forbids_is_refused(pack: list[dict[str, object]]):
    with pytest.raises(PayloadError) as refused:
        senml.resolve(json.dumps(pack))
    assert refused.value.reason is Reason.PAYLOAD_INVALID


def read(*pack: dict[str, object]) -> tuple[Decoded, ...]:
    return READ(json.dumps(list(pack)))


def test_a_cuff_by_metric_name_loinc_and_mdc():
    at = {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1769927400, "bu": "Pa"}
    (cuff,) = read(
        at | {"n": "systolic_blood_pressure", "v": 17065},
        {"n": "8462-4", "v": 10932},
        {"n": "149546", "u": "beat/min", "v": 71},
    )
    assert {v.metric: (str(v.value), v.unit) for v in cuff.readings} == {
        "systolic_blood_pressure": ("17065", "Pa"),
        "diastolic_blood_pressure": ("10932", "Pa"),
        "pulse_rate": ("71", "/min"),
    }
    assert cuff.taken_at == datetime(2026, 2, 1, 6, 30, tzinfo=UTC)
    assert cuff.device == "urn:dev:mac:0024befffe804ff1"


def test_each_time_is_a_reading_of_its_own():
    first, second = read(
        {"bn": "x:", "bt": 1769927400, "n": "body_weight", "u": "kg", "v": 75.5},
        {"n": "body_weight", "u": "kg", "t": 60, "v": 75.6},
    )
    assert first.taken_at is not None
    assert second.taken_at is not None
    assert second.taken_at - first.taken_at == timedelta(minutes=1)


def test_now_is_left_to_the_capture():
    (weight,) = read({"n": "x:body_weight", "u": "kg", "v": 75.5})
    assert weight.taken_at is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "x:body_weight", "u": "kg", "v": 75.5, "t": -5}, Reason.TIME_UNKNOWN),
        ({"n": "x:body_weight", "v": 75.5}, Reason.UNIT_UNKNOWN),
        ({"n": "x:body_weight", "u": "lb", "v": 75.5}, Reason.UNIT_UNKNOWN),
        ({"n": "x:systolic_blood_pressure", "u": "mm[Hg]", "v": 120}, Reason.UNIT_UNKNOWN),
        ({"n": "x:temp", "u": "Cel", "v": 23.1}, Reason.METRIC_UNKNOWN),
        ({"n": "x:body_weight", "u": "kg", "vs": "75"}, Reason.PAYLOAD_INVALID),
        ({"n": "x:body_weight", "u": "kg", "v": 75, "t": 1e11}, Reason.PAYLOAD_INVALID),
    ],
)
def test_a_record_without_unit_time_or_metric_is_refused(record: dict[str, object], reason: Reason):
    with pytest.raises(PayloadError) as refused:
        read(record)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("metric", "senml_unit", "value", "expected"),
    [
        ("systolic_blood_pressure", "Pa", "16000", "120.010200867"),
        ("systolic_blood_pressure", "hPa", "160", "120.010200867"),
        ("oxygen_saturation", "/", "0.97", "97"),
        ("pulse_rate", "1/min", "71", "71"),
        ("body_temperature", "K", "310.15", "37.00"),
    ],
)
def test_units_of_the_registry(metric: str, senml_unit: str, value: str, expected: str):
    converted = units.convert(Decimal(value), senml.UNITS[senml_unit], METRICS[metric].unit)
    assert converted == Decimal(expected)
