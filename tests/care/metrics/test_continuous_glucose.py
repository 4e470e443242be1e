"""Time in ranges and its companions, on sample data whose figures two implementations agree on."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from care.metrics import continuous_glucose as metric
from care.metrics import glucose_episodes, glucose_sensor
from care.readings import SCHEMA, frame

pytestmark = pytest.mark.shared

Case = Callable[[str], dict[str, Any]]
START = datetime(2026, 3, 2, 5, tzinfo=UTC)
LAST = START.date() + timedelta(days=13)
FIVE = timedelta(minutes=5)


@pytest.fixture
def case(shared: Path) -> Case:
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    return {one["id"]: one for one in cases}.__getitem__


@pytest.fixture
def sensor(shared: Path) -> Callable[[str], pl.DataFrame]:
    def read(subject: str) -> pl.DataFrame:
        with (shared / "data/cgm/subjects_5.csv").open(encoding="utf-8") as file:
            rows = [
                (datetime.fromisoformat(row["time"]).replace(tzinfo=UTC), row["gl"])
                for row in csv.DictReader(file)
                if row["id"] == subject
            ]
        return glucose([(at, Decimal(value)) for at, value in rows])

    return read


def glucose(values: list[tuple[datetime, Decimal]]) -> pl.DataFrame:
    rows = [
        ("interstitial_glucose", at, value, 0, 1, at, number)
        for number, (at, value) in enumerate(values)
    ]
    return frame(rows, "UTC")


def every_five_minutes(values: list[Any]) -> pl.DataFrame:
    return glucose(
        [
            (START + number * timedelta(minutes=5), Decimal(value))
            for number, value in enumerate(values)
            if value is not None
        ]
    )


@pytest.mark.parametrize("number", range(1, 6))
def test_the_figures_of_published_sample_data(case: Case, sensor, number: int):
    expected = case("cgm-iglu-5-subjects")["expected"][f"Subject {number}"]
    values: pl.Series = sensor(f"Subject {number}")["value"]
    found = metric.summary(values)
    assert len(values) == expected["n"]
    assert found.mean == pytest.approx(expected["mean"], abs=1e-5)
    assert found.variation == pytest.approx(expected["cv"], abs=1e-5)
    assert found.management_indicator == pytest.approx(expected["gmi"], abs=1e-5)
    names = {"in_range": "tir"}
    for band, share in found.shares.items():
        assert share == pytest.approx(expected[names.get(band, band)], abs=1e-5)


def test_two_weeks_as_a_page_shows_them(case: Case, sensor):
    shown = {one.name: one for one in metric.figures(sensor("Subject 1"), date(2015, 6, 19))}
    assert {name: str(one.value) for name, one in shown.items()} == {
        "glucose_sensor_active": "72",
        "glucose_mean": "124",
        "glucose_management_indicator": "6.3",
        "glucose_variation": "26.9",
        "glucose_very_low": "0.0",
        "glucose_low": "0.1",
        "glucose_in_range": "91.7",
        "glucose_high": "7.8",
        "glucose_very_high": "0.4",
    }
    assert {one.n for one in shown.values()} == {case("cgm-iglu-subject1")["expected"]["n"]}


def test_every_limit(case: Case):
    found = case("cgm-bands-mgdl")
    values = pl.DataFrame({"value": [Decimal(one) for one in found["input"]["values"]]})
    bands = values.select(metric.band(pl.col("value")))
    assert bands.to_series().to_list() == found["expected"]["bands"]


@pytest.mark.parametrize(
    ("tenths", "band"),
    [
        *(("2.9", "very_low"), ("3.0", "low"), ("3.8", "low"), ("3.9", "in_range")),
        *(("10.0", "in_range"), ("10.1", "high"), ("13.9", "high"), ("14.0", "very_high")),
    ],
)
@pytest.mark.parametrize("factor", ["18.0156", "18.0182", "18.016"])
def test_a_sensor_in_mmol_is_in_the_band_that_it_shows(tenths: str, band: str, factor: str):
    value = pl.DataFrame({"value": [Decimal(tenths) * Decimal(factor)]})
    assert value.select(metric.band(pl.col("value"))).item() == band


@pytest.mark.parametrize("mean", [100, 183])
def test_the_management_indicator(case: Case, mean: int):
    expected = case(f"gmi-{mean}")["expected"]["gmi_percent"]
    assert metric.management_indicator(mean) == pytest.approx(expected)


@pytest.mark.parametrize(("count", "told"), [(2822, False), (2823, True)])
def test_less_than_seventy_percent_is_no_figure(case: Case, count: int, told: bool):  # noqa: FBT001
    assert case("cgm-sufficiency-2822")["expected"]["sufficient"] is False
    figures = metric.figures(every_five_minutes([120] * count), (START + timedelta(days=13)).date())
    active, *others = figures
    assert active.value == Decimal(70)
    assert all((one.value is not None) == told for one in others)
    assert all((one.missing == "readings") != told for one in others)


def worn(every: timedelta, days: float, value: int = 120) -> pl.DataFrame:
    count = int(timedelta(days=days) / every)
    return glucose([(START + number * every, Decimal(value)) for number in range(count)])


@pytest.mark.parametrize("minutes", [1, 3, 5, 15])
def test_how_often_a_sensor_measures_is_its_readings_to_tell(minutes: int):
    """Two weeks of any sensor are two weeks; four days of one that measures each minute are not."""
    every = timedelta(minutes=minutes)
    last = START.date() + timedelta(days=13)
    active, mean, *_ = metric.figures(worn(every, 13.5), last)
    assert (active.value, mean.value) == (96, 120)
    active, mean, *_ = metric.figures(worn(every, 4), last)
    assert active.value == 29
    assert (mean.value, mean.missing) == (None, "readings")


def test_of_a_reading_in_fifteen_minutes_seventy_percent_are_941():
    """70 % of 1,344."""
    last = START.date() + timedelta(days=13)
    every = timedelta(minutes=15)
    for count, told in ((940, False), (941, True)):
        mean = metric.figures(worn(every, 13.5)[:count], last)[1]
        assert (mean.value is not None) == told
        assert mean.needed == 941


def minutes_of(readings: pl.DataFrame) -> set[float]:
    steps: list[timedelta] = glucose_sensor.standing(readings)["step"].to_list()
    return {one / timedelta(minutes=1) for one in steps}


def test_a_sensor_that_loses_half_of_its_readings_is_half_active():
    chance = random.Random(7)  # noqa: S311 - the same at each run
    lost = worn(FIVE, 14).filter(pl.Series([chance.random() < 0.5 for _ in range(4032)]))
    assert minutes_of(lost) == {5}
    active, mean, *_ = metric.figures(lost, LAST)
    assert 46 <= active.value <= 52
    assert mean.value is None


def test_what_somebody_scans_in_between_makes_no_other_sensor_of_it():
    every = timedelta(minutes=15)
    scans = [
        (START + n * timedelta(hours=1.6) + timedelta(minutes=7), Decimal(120)) for n in range(200)
    ]
    both = pl.concat([worn(every, 13.5), glucose(scans)])
    assert minutes_of(both) == {15}
    assert metric.figures(both, LAST)[0].value == 96


def of_series(number: int, readings: pl.DataFrame, later: timedelta = timedelta()) -> pl.DataFrame:
    moved = pl.col("taken_at") + later
    return readings.with_columns(pl.lit(number, pl.Int32).alias("series"), moved)


def test_two_streams_of_one_time_count_once():
    """A phone's and a reader's, ten seconds apart and not of one mind."""
    both = pl.concat([worn(FIVE, 13.5), of_series(2, worn(FIVE, 13.5, 130), timedelta(seconds=10))])
    active, mean, *_ = metric.figures(both.sort("taken_at"), LAST)
    assert (active.value, mean.value) == (96, 125)


@pytest.mark.parametrize(("first", "then"), [(5, 1), (15, 1), (15, 5), (1, 15)])
@pytest.mark.parametrize("series", [1, 2])
def test_one_sensor_after_another_of_another_pace(first: int, then: int, series: int):
    change = timedelta(days=7)
    before, after = worn(timedelta(minutes=first), 7), worn(timedelta(minutes=then), 6.5)
    both = pl.concat([before, of_series(series, after, change)])
    moved = frame(both.select(SCHEMA.keys()).rows(), "UTC")
    active, mean, *_ = metric.figures(moved, LAST)
    assert 90 <= active.value <= 96  # on the day of the change the shorter step is taken for all
    assert mean.value == 120


@pytest.mark.parametrize("count", [0, 1, 2])
def test_of_a_sensor_just_put_on_the_usual_is_supposed(count: int):
    """Two readings far apart make no sensor of one in fifteen minutes, and no episode of one."""
    few = glucose([(START + place * timedelta(hours=8), Decimal(50)) for place in range(count)])
    assert minutes_of(few) <= {5}
    assert glucose_episodes.episodes(few, Decimal(70)) == []


def test_a_hypoglycaemia_that_two_streams_tell_is_one():
    lows = [110] * 20 + [50] * 3 + [110] * 40
    one = every_five_minutes(lows)
    both = pl.concat([one, of_series(2, one, timedelta(seconds=10))]).sort("taken_at")
    assert len(glucose_episodes.episodes(both, Decimal(54))) == 1


def test_a_hypoglycaemia_that_one_of_two_sensors_tells_is_one():
    low, well = (
        every_five_minutes([110] * 20 + [50] * 3 + [110] * 40),
        every_five_minutes([110] * 63),
    )
    both = pl.concat([low, of_series(2, well, timedelta(seconds=10))]).sort("taken_at")
    assert len(glucose_episodes.episodes(both, Decimal(54))) == 1


def test_a_hypoglycaemia_before_the_next_sensor_is_one():
    """Of 5 minutes, with three low ones, then one that measures each minute."""
    before = every_five_minutes([110] * 500 + [50] * 3 + [110] * 100)
    after = of_series(2, worn(timedelta(minutes=1), 2), timedelta(days=3))
    both = pl.concat([before, after]).sort("taken_at")
    assert len(glucose_episodes.episodes(both, Decimal(54))) == 1


def test_a_figure_names_the_last_of_what_it_rests_on():
    figures = glucose_episodes.figures(worn(timedelta(minutes=1), 13.5, 60), LAST)
    assert {len(one.evidence) for one in figures} == {200, 0}


@pytest.mark.parametrize(("minutes", "lows", "count"), [(15, 1, 1), (1, 14, 0), (1, 15, 1)])
def test_an_episode_lasts_fifteen_minutes_however_often_a_sensor_measures(
    minutes: int, lows: int, count: int
):
    every = timedelta(minutes=minutes)
    values = [110] * 20 + [65] * lows + [110] * 40
    readings = glucose([(START + place * every, Decimal(one)) for place, one in enumerate(values)])
    assert len(glucose_episodes.episodes(readings, Decimal(70))) == count


def test_what_phone_and_reader_both_tell_counts_once(case: Case):
    twice = pl.concat([every_five_minutes([120] * 288)] * 2)
    used = case("cgm-duplicates")["expected"]["readings_used"]
    assert metric.two_weeks(twice, START.date() + timedelta(days=1)).height == used


@pytest.mark.parametrize(
    "name",
    ["3-low-2-ok-3-low", "gap", "3-at-53", "120min", "2-low", "3-at-70"],
)
def test_episodes(case: Case, name: str):
    found = case(f"cgm-episode-{name}")
    readings = every_five_minutes(found["input"]["values"])
    expected = found["expected"]
    for key, level in (("hypo_below_70", Decimal(70)), ("hypo_below_54", Decimal(54))):
        if key in expected:
            assert len(glucose_episodes.episodes(readings, level)) == expected[key]
    if "prolonged_consensus" in expected:
        (one,) = glucose_episodes.episodes(readings, Decimal(54))
        assert one.prolonged


@pytest.mark.parametrize(("back", "count"), [(2, 1), (3, 2)])
def test_an_episode_ends_after_fifteen_minutes_back(back: int, count: int):
    readings = every_five_minutes([65] * 3 + [75] * back + [65] * 3)
    assert len(glucose_episodes.episodes(readings, Decimal(70))) == count
