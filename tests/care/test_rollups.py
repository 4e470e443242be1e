from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from care.rollups import READINGS, day_bounds, roll_up


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_local_day_has_23_24_or_25_hours(day: str, hours: int):
    start, end = day_bounds(date.fromisoformat(day), "Europe/Paris")
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_reading_an_hour_covers_the_whole_of_a_short_and_of_a_long_day(day: str):
    start, end = day_bounds(date.fromisoformat(day), "Europe/Paris")
    hours = (end - start) // timedelta(hours=1)
    rows = [
        (1, "heart_rate", date.fromisoformat(day), start + timedelta(hours=hour), float(60 + hour))
        for hour in range(hours)
    ]
    rolled = roll_up(pl.DataFrame(rows, schema=READINGS, orient="row"), "Europe/Paris")
    daily = rolled.filter(pl.col("size") == "day").row(0, named=True)
    assert daily["n"] == hours
    assert daily["bucket_start"] == start
    assert daily["coverage"] == pytest.approx(1.0)
    assert rolled.filter(pl.col("size") == "hour").height == hours


def test_the_figures_of_a_day():
    start = datetime(2026, 6, 1, 6, tzinfo=UTC)
    values = [70.0, 71.5, 5.6, 90.0]
    rows = [
        (1, "heart_rate", date(2026, 6, 1), start + timedelta(minutes=10 * at), value)
        for at, value in enumerate(values)
    ]
    rolled = roll_up(pl.DataFrame(rows, schema=READINGS, orient="row"), "Europe/Paris")
    daily = rolled.filter(pl.col("size") == "day").row(0, named=True)
    assert (daily["first"], daily["last"]) == (70.0, 90.0)
    assert (daily["min"], daily["max"], daily["median"]) == (5.6, 90.0, 70.75)
    assert daily["mean"] == pytest.approx(sum(values) / 4)
    assert daily["coverage"] == pytest.approx(1 / 24)
