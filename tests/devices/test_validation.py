"""Everything that lands ends as a reading or as a refusal with a reason: never as nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.model import Assignment, Quality, Reading, Refused
from devices.validation import Landed, Registry, validate

CUFF = "C0:00:00:00:00:01"
CAPTURED = datetime(2024, 6, 15, 15, 20, tzinfo=UTC)
RECEIVED = CAPTURED + timedelta(seconds=3)
GOOD = "167c0056006100e807060f11111b33000000"


def registry(*assignments: Assignment) -> Registry:
    return Registry({CUFF: 7}, {7: list(assignments) or [given_to(1)]})


def given_to(subject: int, **changes: Any) -> Assignment:
    facts = {
        "device": 7,
        "subject": subject,
        "time_zone": "Europe/Paris",
        "since": datetime(2024, 1, 1, tzinfo=UTC),
        "until": None,
        **changes,
    }
    return Assignment(**facts)


def landed(*items: dict[str, Any]) -> Landed:
    numbered = [{"seq": number, "device": CUFF, **item} for number, item in enumerate(items, 1)]
    message = {"v": 1, "epoch": "6f6a2fd0-0000-4000-8000-000000000001", "items": numbered}
    return raw(json.dumps(message).encode())


def raw(payload: bytes) -> Landed:
    return Landed(11, 1, RECEIVED, "home-1", "balise/v1/home-1/frames", payload)


def frame(data: str = GOOD, **more: Any) -> dict[str, Any]:
    return {
        "service": "1810",
        "characteristic": "2A35",
        "data": data,
        "captured_at": CAPTURED.isoformat(),
        **more,
    }


def reason(outcomes: list[Reading | Refused]) -> str:
    (only,) = outcomes
    assert isinstance(only, Refused)
    return str(only.reason)


def test_a_good_frame_is_four_readings_of_its_patient():
    outcomes = validate(landed(frame()), registry())
    assert all(isinstance(one, Reading) for one in outcomes)
    readings = [one for one in outcomes if isinstance(one, Reading)]
    assert [(one.metric, str(one.value)) for one in readings] == [
        ("systolic_blood_pressure", "124"),
        ("diastolic_blood_pressure", "86"),
        ("mean_arterial_pressure", "97"),
        ("pulse_rate", "51"),
    ]
    assert {one.subject for one in readings} == {1}
    assert {one.taken_at for one in readings} == {datetime(2024, 6, 15, 15, 17, 27, tzinfo=UTC)}
    assert {(one.landing, one.item) for one in readings} == {(11, 0)}


def test_the_same_bytes_have_one_identity_whenever_they_come():
    first = validate(landed(frame()), registry())
    later = validate(
        landed(frame(captured_at=(CAPTURED + timedelta(days=2)).isoformat())), registry()
    )
    keys = [
        [(one.stamped_at, one.sequence) for one in some if isinstance(one, Reading)]
        for some in (first, later)
    ]
    assert keys[0] == keys[1]


def test_other_bytes_at_the_same_time_are_another_reading():
    other = GOOD.replace("7c00", "7d00")
    sequences = {
        one.sequence
        for one in validate(landed(frame(), frame(other)), registry())
        if isinstance(one, Reading)
    }
    assert len(sequences) == 2


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (frame(GOOD[:-2]), "frame_truncated"),
        (frame("16ff07ff07ff07e80706170e230aff070000"), "frame_no_value"),
        (frame("00500078005d00"), "value_impossible"),
        (frame("00ff7f78005d00"), "value_impossible"),
        (frame("zz"), "payload_unreadable"),
        (frame(characteristic="2A18"), "characteristic_unknown"),
        (frame(device="C0:00:00:00:00:99"), "device_unknown"),
        (frame(convention="morse", document="..."), "payload_unknown"),
        (frame(convention="fhir", document="{"), "payload_unreadable"),
    ],
)
def test_bad_input_is_refused_with_its_reason(item: dict[str, Any], expected: str):
    outcomes = validate(landed(item), registry())
    assert {str(one.reason) for one in outcomes if isinstance(one, Refused)} == {expected}
    assert not [one for one in outcomes if isinstance(one, Reading)]


def test_a_bad_item_takes_nothing_from_its_neighbours():
    outcomes = validate(landed(frame("00"), frame()), registry())
    assert [isinstance(one, Reading) for one in outcomes] == [False, True, True, True, True]


def test_a_guest_on_the_scale_is_never_the_only_patient():
    guest = frame("06b036e80706170e230aff", service="181D", characteristic="2A9D")
    assert reason(validate(landed(guest), registry())) == "person_unknown"


@pytest.mark.parametrize(("slot", "subject"), [(1, 10), (2, 20)])
def test_the_slots_of_a_shared_scale_are_two_patients(slot: int, subject: int):
    item = frame(f"04b036{slot:02x}", service="181D", characteristic="2A9D")
    known = registry(given_to(10, slot=1), given_to(20, slot=2))
    (only,) = validate(landed(item), known)
    assert isinstance(only, Reading)
    assert only.subject == subject


def test_before_it_was_given_the_device_was_nobodys():
    known = registry(given_to(1, since=datetime(2025, 1, 1, tzinfo=UTC)))
    assert reason(validate(landed(frame()), known)) == "device_unassigned"


def test_a_device_given_on_is_each_patients_in_turn():
    handed_over = datetime(2024, 6, 15, 15, 17, tzinfo=UTC)
    known = registry(given_to(2, since=handed_over), given_to(1, until=handed_over))
    assert {
        one.subject for one in validate(landed(frame()), known) if isinstance(one, Reading)
    } == {2}


def test_an_unusual_value_is_kept_and_marked():
    (reading,) = validate(
        landed(frame("00f401", service="181D", characteristic="2A9D")), registry()
    )
    assert isinstance(reading, Reading)
    assert reading.quality & Quality.OUT_OF_PLAUSIBLE_RANGE


def test_kilopascals_become_mm_hg_and_stay_as_sent():
    outcomes = validate(landed(frame("01a5f073f081f0")), registry())
    systolic = outcomes[0]
    assert isinstance(systolic, Reading)
    assert (str(systolic.sent), systolic.unit) == ("16.5", "kPa")
    assert float(systolic.value) == pytest.approx(123.76, abs=0.01)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":2,"epoch":"6f6a2fd0-0000-4000-8000-000000000001","items":[]}',
        b'{"v":1,"epoch":"6f6a2fd0-0000-4000-8000-000000000001","items":[]}',
        b'{"v":1,"epoch":"x","items":[{"seq":' + b"9" * 5000 + b"}]}",
        b'{"v":NaN}',
    ],
)
def test_poison_is_one_refusal(payload: bytes):
    outcomes = validate(raw(payload), registry())
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Refused)


@given(st.binary(max_size=200))
def test_any_payload_is_accounted_for(payload: bytes):
    assert validate(raw(payload), registry())


@given(st.binary(max_size=24))
def test_any_frame_is_accounted_for(data: bytes):
    assert validate(landed(frame(data.hex())), registry())


GLUCOSE = {"service": "1808", "characteristic": "2A18"}
ACCU_CHEK = "1b0f00e807011e053a1b53016fb0f80000"


def test_a_record_that_came_without_its_context_waits_for_it():
    item = frame(ACCU_CHEK, **GLUCOSE)
    assert reason(validate(landed(item), registry())) == "companion_missing"


def test_a_record_beside_its_context_is_a_reading():
    context = {"service": "1808", "characteristic": "2A34", "data": "020f0001"}
    item = frame(ACCU_CHEK, companions=[context], **GLUCOSE)
    (reading,) = validate(landed(item), registry())
    assert isinstance(reading, Reading)
    # The meter showed 6.2 mmol/L: 0.00111 kg/L are 111 mg/dL, 6.16 mmol/L.
    assert (str(reading.value), reading.unit, reading.sequence) == ("111", "kg/L", 15)
    assert reading.taken_at == datetime(2024, 1, 30, 10, 37, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (frame("030700e807060f11111b000064b04a", **GLUCOSE), "control_measurement"),
        (frame("006400ff07ff07", characteristic="2A36"), "frame_live"),
        (frame("64", service="180F", characteristic="2A19"), "no_reading"),
        (frame("0f0f33f0", service="183A", characteristic="2A52"), "not_supported"),
        (frame("56760050000000ea07080b141b00003c000004"), "frame_overlong"),
    ],
)
def test_what_is_no_measurement_of_the_patients_says_what_it_is(
    item: dict[str, Any], expected: str
):
    assert reason(validate(landed(item), registry())) == expected


def test_a_model_is_read_in_its_own_layout_and_its_slots_are_mapped():
    item = frame("56760050000000ea07080b141b00003c000004", model="beurer-bm85")
    item["captured_at"] = "2026-08-11T20:00:00+00:00"
    assert reason(validate(landed(item), registry())) == "person_unknown"
    readings = validate(landed(item), registry(given_to(1, slot=0)))
    assert len(readings) == 3
    for one in readings:
        assert isinstance(one, Reading)
        assert one.quality & Quality.IRREGULAR_PULSE


def test_a_user_of_a_model_for_one_person_is_that_person():
    # 118/80, 60/min, user 0, as a cuff writes it that tells nobody apart.
    item = frame("0c760050000000 3c0000".replace(" ", ""), model="omron-hem-7530t")
    assert all(isinstance(one, Reading) for one in validate(landed(item), registry()))


def test_a_rate_that_never_moved_is_kept_and_marked():
    item = frame("0053", service="180D", characteristic="2A37", repeats=90)
    (reading,) = validate(landed(item), registry())
    assert isinstance(reading, Reading)
    assert reading.quality & Quality.VALUE_STUCK


def test_two_figures_of_one_metric_in_one_message_are_two_readings():
    member = "010c000100b84b0200200262000000"
    bundle = "03ff24000200" + "22729d2b2900000600" + "02" + member * 2
    length = (len(bundle) // 2 - 4).to_bytes(2, "little").hex()
    item = frame(bundle[:4] + length + bundle[8:], service="1840", characteristic="2B8B")
    readings = validate(landed(item), registry(given_to(1, since=datetime(2020, 1, 1, tzinfo=UTC))))
    assert [one.position for one in readings if isinstance(one, Reading)] == [0, 1]


WEIGHED = '{"model_id":"XMTZC02HM/XMTZC05HM","unit":"kg","weight":72.45}'
DATED = '[{"bt":1718464800,"n":"body_weight","u":"kg","v":72.45}]'


def document(text: str, convention: str, kept: str, **more: Any) -> dict[str, Any]:
    keys = {"convention": convention, "document": text, "captured_at": CAPTURED.isoformat()}
    return {**keys, "kept": kept, **more}


def test_what_a_broker_kept_for_the_gateway_was_taken_at_some_time_before():
    (live,) = validate(landed(document(WEIGHED, "theengs", "")), registry())
    (late,) = validate(landed(document(WEIGHED, "theengs", "queued")), registry())
    assert isinstance(live, Reading)
    assert isinstance(late, Reading)
    assert (live.taken_at, live.quality) == (CAPTURED, Quality.NONE)
    assert (late.taken_at, late.quality) == (CAPTURED, Quality.TIME_OF_RECEIPT)


def test_what_a_broker_kept_for_anyone_is_a_reading_only_if_it_says_when_it_was():
    assert reason(validate(landed(document(WEIGHED, "theengs", "retained")), registry())) == (
        "time_unknown"
    )
    (dated,) = validate(landed(document(DATED, "senml", "retained")), registry())
    (again,) = validate(landed(document(DATED, "senml", "")), registry())
    assert isinstance(dated, Reading)
    assert isinstance(again, Reading)
    assert (dated.taken_at, dated.quality) == (
        datetime(2024, 6, 15, 15, 20, tzinfo=UTC),
        Quality.NONE,
    )
    assert (dated.stamped_at, dated.sequence) == (again.stamped_at, again.sequence)
