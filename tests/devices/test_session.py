"""Frames that are a reading only together, and how a gateway collects them."""

from __future__ import annotations

from datetime import datetime

import pytest

from balise.errors import FrameError, Reason
from balise.model import Quality, State
from devices.collect import Bundle, Collector
from devices.models import find
from devices.session import RawFrame, read

# nRF-Connect #174 with a session that began on 15 June 2024 at 08:00, 2 hours east of UTC.
RECORD = RawFrame("181F", "2AA7", bytes.fromhex("0D4373002C010324001A003E04"))
START = RawFrame("181F", "2AAA", bytes.fromhex("e807060f0800000404"))

# Accu-Chek Guide, react-native-ble-manager #1162; its context is reconstructed.
GLUCOSE = RawFrame("1808", "2A18", bytes.fromhex("1b0f00e807011e053a1b53016fb0f80000"))
CONTEXT = RawFrame("1808", "2A34", bytes.fromhex("020f0001"))
OTHER_CONTEXT = RawFrame("1808", "2A34", bytes.fromhex("02100001"))
KETONE_CONTEXT = RawFrame("1808", "2A34", bytes.fromhex("020f0006"))

# Beurer BF600, openScale #219 and #759.
WEIGHT = RawFrame("181D", "2A9D", bytes.fromhex("0ef22fe507071715211f02d400a406"))
BODY = RawFrame("181B", "2A9C", bytes.fromhex("9803b6001318a3013025f41a790b"))

# STM32WBA-BLE-GenericHealthSensor, its oximeter reading in two segments.
FIRST = RawFrame("1840", "2B8B", bytes.fromhex("01011B006300B84B0200"))
LAST = RawFrame("1840", "2B8B", bytes.fromhex("0622729D2B290000060001013C4C0200200262000000"))


def test_a_glucose_record_gets_its_time_from_the_session():
    (decoded,) = read(RECORD, (START,))
    assert decoded.awaits == ()
    assert decoded.device_time == datetime(2024, 6, 15, 13, 0)  # noqa: DTZ001 - a device's wall clock
    assert decoded.utc_offset == 120
    assert decoded.sequence == 300


def test_a_context_belongs_to_the_glucose_of_its_number():
    (decoded,) = read(GLUCOSE, (CONTEXT,))
    assert (decoded.awaits, dict(decoded.facts)["meal"]) == ((), "before meal")
    (alone,) = read(GLUCOSE, (OTHER_CONTEXT,))
    assert alone.awaits == ("2A34",)


def test_a_meal_code_that_may_mean_a_ketone_is_no_glucose():
    (decoded,) = read(GLUCOSE, (KETONE_CONTEXT,))
    assert (decoded.readings, decoded.state) == ((), State.NO_VALUE)
    assert decoded.quality & Quality.RESERVED_VALUE


def test_a_meter_that_marks_ketones_is_read_as_it_means():
    (decoded,) = read(GLUCOSE, (KETONE_CONTEXT,), model=find("caresens-n-premier"))
    (value,) = decoded.readings
    # 0.00111 kg/L are 111 mg/dL, a tenth of which is mmol/L of ketones (xDrip, Tidepool).
    assert (value.metric, str(value.value), value.unit) == ("blood_ketone", "11.1", "mmol/L")


def test_a_body_composition_takes_time_and_user_from_its_weighing():
    (decoded,) = read(BODY, (WEIGHT,))
    assert (decoded.awaits, decoded.user) == ((), 2)
    assert decoded.device_time == datetime(2021, 7, 23, 21, 33, 31)  # noqa: DTZ001 - a device's wall clock
    assert len(decoded.readings) == 6


def test_two_packets_of_a_body_composition():
    first = RawFrame("181B", "2A9C", bytes.fromhex("0a10b600e507071715211f1318"))
    second = RawFrame("181B", "2A9C", bytes.fromhex("1010b600a301"))
    (decoded,) = read(second, (first,))
    metrics = [value.metric for value in decoded.readings]
    assert metrics == ["body_fat_percentage", "basal_metabolic_rate", "muscle_percentage"]
    assert decoded.awaits == ()


def test_segments_are_one_message():
    (decoded,) = read(LAST, (FIRST,))
    assert [str(value.value) for value in decoded.readings] == ["98"]
    (part,) = read(FIRST)
    assert (part.state, part.awaits) == (State.PART, ("2B8B",))


def test_a_missing_segment_is_refused():
    late = RawFrame("1840", "2B8B", bytes((0x0A,)) + LAST.data[1:])
    with pytest.raises(FrameError) as refused:
        read(late, (FIRST,))
    assert refused.value.reason is Reason.FRAME_TRUNCATED


def test_what_stays_on_the_device_waits_for_its_companion():
    frames = Collector()
    assert frames.take(GLUCOSE) == []
    assert frames.take(OTHER_CONTEXT) == []
    assert frames.take(CONTEXT) == [Bundle(GLUCOSE, (CONTEXT,))]
    assert frames.rest() == []


def test_what_still_waits_at_the_end_is_given_alone():
    frames = Collector()
    frames.take(GLUCOSE)
    frames.take(FIRST)
    assert frames.rest() == [Bundle(GLUCOSE), Bundle(FIRST)]


def test_what_a_scale_may_erase_is_given_at_once_and_again_with_its_weighing():
    frames = Collector()
    assert frames.take(BODY) == [Bundle(BODY)]
    assert frames.take(WEIGHT) == [Bundle(WEIGHT), Bundle(BODY, (WEIGHT,))]
    assert frames.take(BODY) == [Bundle(BODY, (WEIGHT,))]


def test_a_session_start_that_was_read_goes_along():
    frames = Collector()
    frames.note(START)
    assert frames.take(RECORD) == [Bundle(RECORD, (START,))]


def test_segments_are_given_when_the_last_came():
    frames = Collector()
    assert frames.take(FIRST) == []
    assert frames.take(LAST) == [Bundle(LAST, (FIRST,))]


def test_bytes_that_nobody_understands_are_given_as_they_are():
    strange = RawFrame("1808", "2A18", b"\x00")
    assert Collector().take(strange) == [Bundle(strange)]


def test_equal_bytes_in_a_row_are_counted():
    optical = RawFrame("180D", "2A37", bytes.fromhex("0053"))
    other = RawFrame("180D", "2A37", bytes.fromhex("0054"))
    frames = Collector()
    counts = [frames.take(one)[0].repeats for one in (optical, optical, optical, other, optical)]
    assert counts == [0, 1, 2, 0, 0]


def test_a_rate_that_never_moves_is_marked_unless_beats_are_seen():
    optical = RawFrame("180D", "2A37", bytes.fromhex("0053"))
    strap = RawFrame("180D", "2A37", bytes.fromhex("1648aa02"))
    assert read(optical, repeats=60)[0].quality & Quality.VALUE_STUCK
    assert not read(optical, repeats=59)[0].quality & Quality.VALUE_STUCK
    assert not read(strap, repeats=600)[0].quality & Quality.VALUE_STUCK
