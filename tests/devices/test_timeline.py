from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from balise.model import ClockPair, Decoded, Quality
from devices.timeline import TIMELESS, captured, place

PARIS = "Europe/Paris"
CAPTURED = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
RECEIVED = CAPTURED + timedelta(seconds=5)


def placed(
    decoded: Decoded,
    pair: ClockPair | None = None,
    claimed: datetime | None = CAPTURED,
    **gateway: Any,
):
    capture = captured(claimed, RECEIVED, **gateway)
    return place(decoded, capture, pair=pair, time_zone=PARIS)


def wall(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type,misc] # parts in order  # noqa: DTZ001 - a wall clock


def test_a_device_without_clock_is_placed_at_its_capture():
    moment = placed(Decoded(readings=()))
    assert (moment.stamped_at, moment.taken_at, moment.quality) == (
        CAPTURED,
        CAPTURED,
        Quality.NONE,
    )


def test_a_wall_clock_is_read_in_the_patients_zone_and_said_to_be_unverified():
    moment = placed(Decoded(readings=(), device_time=wall(2026, 11, 25, 8, 30)))
    assert moment.taken_at == datetime(2026, 11, 25, 7, 30, tzinfo=UTC)
    assert moment.quality == Quality.CLOCK_UNVERIFIED


def test_a_right_clock_read_with_ours_needs_no_correction():
    pair = ClockPair(device=wall(2026, 11, 25, 10, 0), gateway=CAPTURED)
    moment = placed(Decoded(readings=(), device_time=wall(2026, 11, 25, 9, 55)), pair)
    assert moment.taken_at == CAPTURED - timedelta(minutes=5)
    assert moment.quality == Quality.NONE


def test_a_clock_three_years_behind_is_corrected_and_keeps_its_identity():
    pair = ClockPair(device=wall(2023, 11, 25, 15, 0), gateway=CAPTURED)
    moment = placed(Decoded(readings=(), device_time=wall(2023, 11, 25, 14, 58)), pair)
    assert moment.stamped_at == datetime(2023, 11, 25, 14, 58, tzinfo=UTC)
    assert moment.taken_at == CAPTURED - timedelta(minutes=2)
    assert moment.quality == Quality.CLOCK_CORRECTED


def test_the_future_is_placed_at_the_capture_and_says_so():
    moment = placed(Decoded(readings=(), device_time=wall(2030, 1, 2, 3, 4)))
    assert moment.taken_at == CAPTURED
    assert moment.quality & Quality.CLOCK_FUTURE
    assert moment.quality & Quality.TIME_OF_RECEIPT


def test_a_factory_date_is_placed_at_the_capture_and_says_so():
    decoded = Decoded(
        readings=(), device_time=wall(2017, 1, 1, 0, 0, 59), quality=Quality.CLOCK_DEFAULT
    )
    moment = placed(decoded)
    assert moment.taken_at == CAPTURED
    assert moment.quality == Quality.TIME_OF_RECEIPT


def test_year_zero_costs_the_time_not_the_reading():
    moment = placed(Decoded(readings=(), quality=Quality.CLOCK_UNSET))
    assert (moment.taken_at, moment.quality) == (CAPTURED, Quality.TIME_OF_RECEIPT)


def test_a_document_without_any_time_has_one_stamp_whenever_it_comes():
    moment = placed(Decoded(readings=()), claimed=None)
    assert (moment.stamped_at, moment.taken_at) == (TIMELESS, RECEIVED)
    assert moment.quality == Quality.TIME_OF_RECEIPT


def test_the_repeated_hour_of_autumn_is_two_moments_for_aware_times():
    summer = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    winter = datetime.fromisoformat("2026-10-25T02:30:00+01:00")
    first, second = (placed(Decoded(readings=(), taken_at=at)).taken_at for at in (summer, winter))
    assert second - first == timedelta(hours=1)


def test_a_far_off_clock_makes_no_chunk_of_its_own_century():
    assert placed(Decoded(readings=(), device_time=wall(9999, 1, 1))).stamped_at.year == 2100


def test_a_clock_that_states_its_offset_needs_no_zone():
    moment = placed(Decoded(readings=(), device_time=wall(2026, 11, 25, 3, 55), utc_offset=-300))
    assert moment.taken_at == CAPTURED - timedelta(minutes=5)
    assert moment.quality == Quality.CLOCK_UNVERIFIED


def test_a_utc_stamp_is_corrected_by_a_clock_read_in_local_time():
    # The device is an hour behind: its Current Time shows 09:00 where Paris has 10:00.
    pair = ClockPair(device=wall(2026, 11, 25, 9, 0), gateway=CAPTURED)
    decoded = Decoded(readings=(), device_time=wall(2026, 11, 25, 7, 55), utc_offset=0)
    moment = placed(decoded, pair)
    assert moment.taken_at == CAPTURED - timedelta(minutes=5)
    assert moment.quality == Quality.CLOCK_CORRECTED


def test_a_clock_set_to_utc_instead_of_local_time_is_corrected_by_its_pair():
    # openScale wrote UTC, then local time: users saw weights hours in the future.
    pair = ClockPair(device=wall(2026, 11, 25, 9, 0), gateway=CAPTURED)
    moment = placed(Decoded(readings=(), device_time=wall(2026, 11, 25, 8, 58)), pair)
    assert moment.taken_at == CAPTURED - timedelta(minutes=2)
    assert moment.quality == Quality.CLOCK_CORRECTED


def test_ticks_mean_something_only_beside_the_devices_own_counter():
    ticks = Decoded(
        readings=(),
        device_time=wall(2000, 1, 1, 5, 0),
        quality=Quality.CLOCK_TICKS,
        utc_offset=None,
    )
    alone = placed(ticks)
    assert (alone.taken_at, alone.quality) == (CAPTURED, Quality.TIME_OF_RECEIPT)
    pair = ClockPair(device=wall(2000, 1, 1, 5, 10), gateway=CAPTURED)
    assert placed(ticks, pair).taken_at == CAPTURED - timedelta(minutes=10)


def test_a_stamp_of_another_timeline_is_not_mended_by_todays_difference():
    # HL7 PHD: the battery was changed after the measurement; the clock's fault then is unknown.
    decoded = Decoded(
        readings=(),
        device_time=wall(2026, 11, 24, 9, 0),
        quality=Quality.CLOCK_OTHER_TIMELINE,
    )
    pair = ClockPair(device=wall(2026, 11, 25, 13, 0), gateway=CAPTURED)
    moment = placed(decoded, pair)
    assert moment.taken_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert moment.quality == Quality.CLOCK_FAULT | Quality.CLOCK_UNVERIFIED


def test_an_impossible_date_costs_the_time_not_the_reading():
    moment = placed(Decoded(readings=(), quality=Quality.CLOCK_IMPOSSIBLE))
    assert (moment.taken_at, moment.quality) == (CAPTURED, Quality.TIME_OF_RECEIPT)


def test_a_box_that_learns_the_time_later_says_by_how_much_it_was_wrong():
    moment = placed(Decoded(readings=()), claimed=_LOST, error=_LOST_BY, synchronised=False)
    assert (moment.stamped_at, moment.taken_at) == (_LOST, CAPTURED)
    assert moment.quality == Quality.CLOCK_CORRECTED


def test_a_box_that_never_knows_the_time_says_how_long_it_had_the_frame():
    moment = placed(Decoded(readings=()), claimed=_LOST, age=65.0, synchronised=False)
    assert moment.taken_at == RECEIVED - timedelta(seconds=65)
    assert (moment.stamped_at, moment.quality) == (_LOST, Quality.CLOCK_UNVERIFIED)


def test_a_frame_of_an_earlier_boot_without_time_is_placed_at_its_receipt_and_says_so():
    moment = placed(Decoded(readings=()), claimed=_LOST, synchronised=False)
    assert (moment.stamped_at, moment.taken_at) == (_LOST, RECEIVED)
    assert moment.quality == Quality.CLOCK_UNVERIFIED | Quality.TIME_OF_RECEIPT


def test_a_pair_of_two_wrong_clocks_corrects_a_device_once_one_of_them_is_known():
    """The device is ten minutes behind, the box three years: both were read together."""
    pair = ClockPair(device=wall(2026, 11, 25, 9, 50), gateway=_LOST)
    decoded = Decoded(readings=(), device_time=wall(2026, 11, 25, 9, 20))
    moment = placed(decoded, pair, _LOST, error=_LOST_BY, synchronised=False)
    assert moment.taken_at == CAPTURED - timedelta(minutes=30)
    assert moment.quality == Quality.CLOCK_CORRECTED


def test_a_pair_read_by_a_clock_that_nobody_knows_corrects_nothing():
    pair = ClockPair(device=wall(2026, 11, 25, 9, 50), gateway=_LOST)
    decoded = Decoded(readings=(), device_time=wall(2026, 11, 25, 9, 20))
    moment = placed(decoded, pair, _LOST, synchronised=False)
    assert moment.taken_at == datetime(2026, 11, 25, 8, 20, tzinfo=UTC)
    assert moment.quality == Quality.CLOCK_UNVERIFIED


def test_a_box_that_is_sure_of_a_future_is_not_believed():
    moment = placed(Decoded(readings=()), claimed=datetime(2036, 2, 7, tzinfo=UTC))
    assert moment.taken_at == RECEIVED
    assert moment.quality == Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT


@pytest.mark.parametrize("number", [1e300, -1e300])
def test_no_number_of_a_box_breaks_the_line(number: float):
    for name in ("error", "age"):
        moment = placed(
            Decoded(readings=()),
            ClockPair(device=wall(9999, 12, 31), gateway=datetime.max.replace(tzinfo=UTC)),
            claimed=datetime.max.replace(tzinfo=UTC),
            synchronised=False,
            **{name: number},
        )
        assert moment.taken_at <= RECEIVED


_LOST = datetime(2023, 4, 1, tzinfo=UTC)
_LOST_BY = (CAPTURED - _LOST).total_seconds()
