"""Too fast a change, and one measurement told by two devices, said by small pictures."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.model import Quality
from care import sources
from care.findings import (
    CHANGES,
    FINDINGS,
    READINGS,
    counted,
    cross_source,
    days_around,
    in_order,
    last_of,
    rate_of_change,
)

NONE = pl.DataFrame(schema=READINGS)


def readings(picture: str, metric: str = "body_weight", quality: int = 0) -> pl.DataFrame:
    """Readings of one patient from `time device value` a line; the sequence counts the lines."""
    rows = []
    for number, line in enumerate(filter(None, map(str.strip, picture.splitlines()))):
        when, device, value = line.split()
        at = datetime.fromisoformat(f"2026-02-{when}").replace(tzinfo=UTC)
        rows.append(
            (1, metric, at.date(), int(device), int(device), at, number, at, float(value), quality)
        )
    return pl.DataFrame(rows, schema=READINGS, orient="row")


def fast(picture: str, metric: str = "body_weight", before: pl.DataFrame = NONE) -> list[int]:
    return rate_of_change(in_order(readings(picture, metric), before))["sequence"].to_list()


@pytest.mark.parametrize(
    ("metric", "picture", "found"),
    [
        # A bag in the hand, and without it again; exactly 5.0 kg is not more than 5.
        ("body_weight", "01T07:00 1 75.3\n01T07:05 1 80.4\n01T07:06 1 75.3", [1, 2]),
        ("body_weight", "01T07:00 1 75.3\n01T07:05 1 80.3", []),
        # What takes longer may be more: 7.5 kg in a day and a half.
        ("body_weight", "01T07:00 1 70\n02T19:00 1 77.4", []),
        ("body_weight", "01T07:00 1 70\n02T19:00 1 77.6", [1]),
        # Further apart than two days nothing is compared.
        ("body_weight", "01T07:00 1 70\n03T07:00 1 80.1", [1]),
        ("body_weight", "01T07:00 1 70\n03T07:01 1 99", []),
        # Between two scales it is the scales that differ.
        ("body_weight", "01T07:00 1 70\n01T07:01 2 90", []),
        ("interstitial_glucose", "01T07:00 1 100\n01T07:05 1 180", [1]),
        ("interstitial_glucose", "01T07:00 1 100\n01T07:05 1 170", []),
        ("body_temperature", "01T07:00 1 36.2\n01T07:02 1 38.3", [1]),
        ("oxygen_saturation", "01T07:00 1 97\n01T07:01 1 86", [1]),
        # A heart may do that.
        ("heart_rate", "01T07:00 1 60\n01T07:01 1 170", []),
    ],
)
def test_a_faster_change_than_a_body_makes_is_found(metric: str, picture: str, found: list[int]):
    assert fast(picture, metric) == found


def test_the_reading_before_may_be_in_the_window_before():
    before = last_of(in_order(readings("01T07:00 1 75\n01T21:00 1 76\n01T21:30 2 90"), NONE))
    assert before.select("device", "value").sort("device").rows() == [(1, 76.0), (2, 90.0)]
    assert fast("02T07:00 1 82", before=before) == [0]
    found = rate_of_change(in_order(readings("02T07:00 1 82"), before)).row(0, named=True)
    assert found["other_stamped_at"] == datetime(2026, 2, 1, 21, tzinfo=UTC)
    assert (found["day"], found["kind"]) == (date(2026, 2, 2), "rate_of_change")
    assert fast("02T07:00 1 80", before=before) == []


def test_where_the_time_is_in_doubt_so_is_a_change_per_time():
    doubtful = Quality.TIME_OF_RECEIPT.value
    both = pl.concat([readings("01T07:00 1 75"), readings("01T07:05 1 95", quality=doubtful)])
    assert rate_of_change(in_order(both, NONE)).is_empty()
    assert last_of(in_order(both, NONE))["value"].to_list() == [75.0]


def test_every_change_reaches_a_few_days_at_most():
    assert {name: days_around(name) for name in CHANGES if days_around(name) > 1} == {
        "body_weight": 3,
        "body_height": 3,
    }
    assert days_around("heart_rate") == 0


def doubles(picture: str, metric: str = "systolic_blood_pressure", **chosen: int) -> list[int]:
    table = readings(picture, metric)
    declared = {1: sources.Declared(chosen={sources.ANY: chosen["prefer"]})} if chosen else {}
    told = sources.choose(table.select(sources.READINGS.keys()), declared)
    found = cross_source(table, told)
    left = counted(table, found)
    assert left.height + found.height == table.height
    return sorted(found["sequence"].to_list())


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        # A cuff, and its application that writes whole minutes.
        ("01T07:00:41 1 135\n01T07:00 2 135", [1]),
        ("01T07:00:41 1 135\n01T07:00 2 134", []),
        ("01T07:00:00 1 135\n01T07:01:00 2 135", [1]),
        ("01T07:00:00 1 135\n01T07:01:01 2 135", []),
        # The same device twice is two measurements.
        ("01T07:00:00 1 135\n01T07:00:30 1 135", []),
        # One for one, the nearer.
        ("01T07:00:30 1 135\n01T07:00 2 135\n01T07:01:10 2 135", [1]),
        ("01T07:00 1 135\n01T07:03 1 135\n01T07:00:40 2 135\n01T07:03:40 2 135", [2, 3]),
        # Told by three, it counts once.
        ("01T07:00 1 135\n01T07:00 2 135\n01T07:00:05 3 135", [1, 2]),
        ("", []),
    ],
)
def test_one_measurement_told_by_two_devices_is_found_once(picture: str, found: list[int]):
    assert doubles(picture) == found


def test_the_one_that_counts_is_the_preferred_device_s():
    picture = "01T07:00 1 135\n01T07:00 2 135"
    assert doubles(picture) == [1]
    assert doubles(picture, prefer=2) == [0]


def test_what_streams_agrees_by_chance():
    assert doubles("01T07:00 1 72\n01T07:00 2 72", "heart_rate") == []
    assert doubles("01T07:00 1 72\n01T07:00 2 72", "step_count") == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_arrival_means_nothing(chance):
    table = readings(
        "\n".join(
            f"0{1 + at % 2}T07:{at // 4:02}:{(at * 37) % 60:02} {1 + at % 3} {70 + at % 4 * 3}"
            for at in range(40)
        )
    )
    rows = table.rows()
    chance.shuffle(rows)
    shuffled = pl.DataFrame(rows, schema=READINGS, orient="row")
    found = []
    for one in (table, shuffled):
        told = sources.choose(one.select(sources.READINGS.keys()), {})
        fast = rate_of_change(in_order(one, NONE))
        found.append(pl.concat([fast, cross_source(one, told)]))
    assert found[0].equals(found[1])
    assert set(found[0]["kind"]) == {"rate_of_change", "cross_source"}
    assert found[0].schema == pl.Schema(FINDINGS)
