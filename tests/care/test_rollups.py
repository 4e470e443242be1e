"""Readings to hours and days: the figures, the local days, and that no order changes a digit."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import fsum
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from care.rollups import READINGS, ROLLUPS, WINDOWS, day_bounds, roll_up

PARIS = "Europe/Paris"
DAYS = [
    pytest.param("2026-06-01", PARIS, 24, id="24 hours"),
    pytest.param("2026-03-29", PARIS, 23, id="23 hours"),
    pytest.param("2026-10-25", PARIS, 25, id="25 hours"),
    pytest.param("2026-06-01", "Asia/Kolkata", 24, id="half-hour zone"),
    pytest.param("2026-03-08", "America/St_Johns", 23, id="half-hour zone, 23 hours"),
    pytest.param("2026-11-01", "America/St_Johns", 25, id="half-hour zone, 25 hours"),
    pytest.param("2026-04-05", "Australia/Lord_Howe", 24, id="24 and a half"),
    pytest.param("2026-10-04", "Australia/Lord_Howe", 24, id="23 and a half"),
    pytest.param("2026-11-01", "America/Havana", 25, id="a day with two midnights"),
    pytest.param("2026-03-29", "Asia/Beirut", 23, id="a day without midnight"),
    pytest.param("2026-04-05", "Pacific/Chatham", 25, id="three quarters, 25 hours"),
]

CUT = {("2026-10-04", "Australia/Lord_Howe"): [0.5], ("2026-04-05", "Pacific/Chatham"): [0.75]}


def windows(*days: tuple[str, str]) -> pl.DataFrame:
    """A patient a day and zone, of the window's own number."""
    rows = [
        (
            at,
            at,
            "heart_rate",
            date.fromisoformat(day),
            zone,
            *day_bounds(date.fromisoformat(day), zone),
        )
        for at, (day, zone) in enumerate(days)
    ]
    return pl.DataFrame(rows, schema=WINDOWS, orient="row")


def readings(*rows: tuple[int, datetime, float]) -> pl.DataFrame:
    whole = [(window, 1, at, value) for window, at, value in rows]
    return pl.DataFrame(whole, schema=READINGS, orient="row")


def daily(rolled: pl.DataFrame) -> dict[str, object]:
    return rolled.filter(pl.col("size") == "day").row(0, named=True)


@pytest.mark.parametrize(("day", "zone", "hours"), DAYS)
def test_a_reading_a_minute_covers_every_hour_of_a_local_day_and_the_day(
    day: str, zone: str, hours: int
):
    start, end = day_bounds(date.fromisoformat(day), zone)
    minutes = (end - start) // timedelta(minutes=1)
    every = [start + timedelta(minutes=minute) for minute in range(minutes)]
    rolled = roll_up(readings(*((0, at, 1.0) for at in every)), windows((day, zone)))
    assert {at.astimezone(ZoneInfo(zone)).date().isoformat() for at in every} == {day}
    whole = daily(rolled)
    assert (whole["n"], whole["bucket_start"], whole["coverage"]) == (minutes, start, 1.0)
    hourly = rolled.filter(pl.col("size") == "hour")
    assert hourly.height == hours
    assert hourly["n"].sum() == minutes
    assert hourly["bucket_start"].n_unique() == hours
    # A local hour that a change of clocks cuts short is covered in part.
    assert sorted({*hourly["coverage"]}) == [*CUT.get((day, zone), ()), 1.0]


def test_the_hour_that_comes_twice_is_two_hours():
    _, end = day_bounds(date(2026, 10, 24), PARIS)
    both = [end + timedelta(hours=hour, minutes=20) for hour in (2, 3)]
    assert [at.astimezone(ZoneInfo(PARIS)).hour for at in both] == [2, 2]
    rolled = roll_up(readings((0, both[0], 60), (0, both[1], 80)), windows(("2026-10-25", PARIS)))
    assert rolled.filter(size="hour")["mean"].to_list() == [60, 80]


def test_the_figures_of_a_day():
    start = datetime(2026, 6, 1, 6, tzinfo=UTC)
    values = [70.0, 71.5, 5.6, 90.0]
    rows = [(0, start + timedelta(minutes=10 * at), value) for at, value in enumerate(values)]
    whole = daily(roll_up(readings(*rows), windows(("2026-06-01", PARIS))))
    assert (whole["first"], whole["last"]) == (70.0, 90.0)
    assert (whole["min"], whole["max"], whole["median"]) == (5.6, 90.0, 70.75)
    assert whole["mean"] == pytest.approx(sum(values) / 4)
    assert whole["coverage"] == pytest.approx(1 / 24)


def test_a_window_without_readings_has_no_rollups():
    rolled = roll_up(readings(), windows(("2026-06-01", PARIS), ("2026-06-02", "Asia/Kolkata")))
    assert rolled.is_empty()
    assert rolled.schema == pl.Schema(ROLLUPS)


ZONES = (PARIS, "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe")
MANY = [(day, zone) for zone in ZONES for day in ("2026-04-05", "2026-10-04", "2026-11-01")]


def scattered(chance: random.Random) -> list[tuple[int, datetime, float]]:
    """Readings of many days, some at the same moment, with values whose sums are never exact."""
    found: list[tuple[int, datetime, float]] = []
    for window, (day, zone) in enumerate(MANY):
        start, end = day_bounds(date.fromisoformat(day), zone)
        seconds = int((end - start).total_seconds())
        for _ in range(chance.choice((1, 2, 40, 3_000))):
            at = start + timedelta(seconds=chance.randrange(seconds))
            found += [(window, at, chance.uniform(30, 220))] * chance.choice((1, 1, 1, 2))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_arrival_changes_a_digit(seed: int):
    chance = random.Random(seed)  # noqa: S311
    rows = scattered(chance)
    rolled = roll_up(readings(*rows), windows(*MANY))
    chance.shuffle(rows)
    in_parts = pl.concat([readings(*rows[at::7]) for at in range(7)], rechunk=False)
    for again in (readings(*rows), readings(*reversed(rows)), in_parts):
        assert roll_up(again, windows(*MANY)).equals(rolled)


@pytest.mark.parametrize("seed", range(2))
def test_neither_do_the_windows_recomputed_beside_it(seed: int):
    chance = random.Random(seed)  # noqa: S311
    whole, every = readings(*scattered(chance)), windows(*MANY)
    rolled = roll_up(whole, every)
    for some in ([0], [7], [3, 8], sorted(chance.sample(range(len(MANY)), 6))):
        part = roll_up(
            whole.filter(pl.col("window").is_in(some)), every.filter(pl.col("window").is_in(some))
        )
        assert part.equals(rolled.filter(pl.col("subject").is_in(some)))


@pytest.mark.parametrize("seed", range(2))
def test_they_are_what_plain_python_makes_of_them(seed: int):
    rows = scattered(random.Random(seed))  # noqa: S311
    rolled = roll_up(readings(*rows), windows(*MANY))
    for window, found in groupby(sorted(rows), key=lambda row: row[0]):
        (row,) = rolled.filter(size="day", subject=window).rows(named=True)
        check(row, [value for *_, value in found])


def check(row: dict[str, float], values: Sequence[float]) -> None:
    assert row["n"] == len(values)
    assert (row["min"], row["max"]) == (min(values), max(values))
    assert row["median"] == pytest.approx(statistics.median(values), rel=1e-15)
    assert row["sum"] == pytest.approx(fsum(values), rel=1e-13)
    assert row["mean"] == pytest.approx(fsum(values) / len(values), rel=1e-13)
    assert (row["first"], row["last"]) == (values[0], values[-1])
