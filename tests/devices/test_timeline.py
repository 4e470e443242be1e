from __future__ import annotations

from datetime import UTC, datetime, timedelta

from balise.model import ClockPair, Decoded, Quality
from devices.timeline import TIMELESS, place

PARIS = "Europe/Paris"
CAPTURED = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
RECEIVED = CAPTURED + timedelta(seconds=5)


def placed(decoded: Decoded, pair: ClockPair | None = None, captured: datetime | None = CAPTURED):
    return place(decoded, captured_at=captured, received_at=RECEIVED, pair=pair, time_zone=PARIS)


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
    moment = placed(Decoded(readings=()), captured=None)
    assert (moment.stamped_at, moment.taken_at) == (TIMELESS, RECEIVED)
    assert moment.quality == Quality.TIME_OF_RECEIPT


def test_the_repeated_hour_of_autumn_is_two_moments_for_aware_times():
    summer = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    winter = datetime.fromisoformat("2026-10-25T02:30:00+01:00")
    first, second = (placed(Decoded(readings=(), taken_at=at)).taken_at for at in (summer, winter))
    assert second - first == timedelta(hours=1)


def test_a_far_off_clock_makes_no_chunk_of_its_own_century():
    assert placed(Decoded(readings=(), device_time=wall(9999, 1, 1))).stamped_at.year == 2100
