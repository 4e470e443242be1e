"""Sleep, activity, days, units: what a day is, and what counts in it."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from balise.metrics import METRICS
from care.metrics import activity, days_with_data, sleep, weight_change
from devices import units

pytestmark = pytest.mark.shared

Case = dict[str, Any]
ZONE = "Europe/Paris"


def night(_table, given: Case, expected: Case) -> None:
    found = sleep.night(
        datetime.fromisoformat(given["in_bed"]),
        datetime.fromisoformat(given["out_of_bed"]),
        onset=given["latency_min"],
        awake=given["waso_min"],
        time_zone=ZONE,
    )
    assert (found.time_in_bed, found.total_sleep_time) == (expected["tib_min"], expected["tst_min"])
    assert found.efficiency == expected["efficiency_percent"]
    assert found.evening == date.fromisoformat(expected["night_of"])


def worn(_table, given: Case, expected: Case) -> None:
    assert [activity.worn_enough(one) for one in given["wear_hours"]] == expected["valid"]
    assert given["days_valid_needed"] == activity.ENOUGH_DAYS


def days(table, given: Case, expected: Case) -> None:
    if "instants" in given:
        readings = table("\n".join(f"{one} | body_weight | 70" for one in given["instants"]))
        found = readings["day"].unique().to_list()
        assert [one.isoformat() for one in found] == expected["local_days"]
        return
    first = date(2026, 4, 1)
    lines = (
        f"{first + timedelta(days=day)} 08:00 | body_weight | 70" for day in range(given["days"])
    )
    last = first + timedelta(days=given["window_days"] - 1)
    (told,) = days_with_data.figures(table("\n".join(lines)), last)
    assert (told.value, told.days) == (given["days"], given["window_days"])
    assert told.coverage == pytest.approx(expected["adherence"])
    assert days_with_data.yardstick(told.days_with_data) == expected["band"]


def unit(_table, given: Case, expected: Case) -> None:
    value = units.convert(Decimal(str(given["value"])), given["unit"], expected["unit"])
    assert float(value) == expected["value"]


def codes(_table, given: Case, expected: Case) -> None:
    """A unit of ours is never one that UCUM does not know."""
    known = dict(zip(given["codes"], expected["valid"], strict=True))
    ours = {one.unit for one in METRICS.values()}
    assert ours.isdisjoint(code for code, valid in known.items() if not valid)
    assert {"/min", "mm[Hg]", "Cel", "%", "mg/dL", "ms"} <= ours


def wall_clock(table, given: Case, expected: Case) -> None:
    readings = table(f"{given['a']} | body_weight | 70\n{given['b']} | body_weight | 70")
    first, second = readings["taken_at"]
    assert (second - first).total_seconds() == expected["seconds_apart"]


CHECKS = {
    "sleep": night,
    "activity": worn,
    "days-with-data": days,
    "unit": unit,
    "ucum-code": codes,
    "time": wall_clock,
}


def test_case(clinical_case: Case, table):
    CHECKS[clinical_case["rule"]](table, clinical_case["input"], clinical_case["expected"])


def test_a_night_on_which_the_clock_goes_forward():
    found = sleep.night(
        datetime.fromisoformat("2026-03-28T23:00+01:00"),
        datetime.fromisoformat("2026-03-29T07:00+02:00"),
        onset=0,
        awake=0,
        time_zone=ZONE,
    )
    assert found.time_in_bed == 420


def test_nights_of_a_week(table):
    lines = [
        f"2026-03-0{day} 07:10 | {metric} | {minutes}"
        for day in (3, 4, 5)
        for metric, minutes in (("total_sleep_time", 420), ("time_in_bed", 480))
    ]
    nap = "2026-03-04 15:00 | total_sleep_time | 40"
    found = {
        one.name: one for one in sleep.figures(table("\n".join([*lines, nap])), date(2026, 3, 5))
    }
    assert found["total_sleep_time"].value == 420
    assert found["sleep_efficiency"].value == 88
    assert found["sleep_efficiency"].n == 3


def test_a_day_without_data_is_no_day_of_no_steps(table):
    days = [
        f"2026-03-0{day} 23:00 | step_count | {steps}"
        for day, steps in ((2, 4000), (4, 5000), (6, 6000))
    ]
    few, _ = activity.figures(table("\n".join(days)), date(2026, 3, 8))
    assert (few.value, few.n, few.missing) == (None, 3, "days")
    days.append("2026-03-07 23:00 | step_count | 7000")
    enough, _ = activity.figures(table("\n".join(days)), date(2026, 3, 8))
    assert enough.value == 5500


def test_a_watch_worn_for_two_hours_made_no_day(table):
    lines = [
        f"2026-03-02 {hour:02}:{minute} | step_count | 50"
        for hour in (9, 10)
        for minute in (10, 40)
    ]
    assert activity.days_that_count(table("\n".join(lines))) == {}
    lines = [f"2026-03-02 {hour:02}:10 | step_count | 50" for hour in range(8, 18)]
    assert activity.days_that_count(table("\n".join(lines))) == {date(2026, 3, 2): 500}


def test_vigorous_minutes_count_twice(table):
    lines = [
        f"2026-03-0{day} 20:00 | {metric} | {minutes}"
        for day in (2, 3, 4, 5)
        for metric, minutes in (("moderate_activity_time", 20), ("vigorous_activity_time", 10))
    ]
    _, active = activity.figures(table("\n".join(lines)), date(2026, 3, 8))
    assert active.value == 160


def test_one_hours_steps_are_no_day(table):
    assert activity.days_that_count(table("2026-03-02 10:00 | step_count | 500")) == {}


@pytest.mark.parametrize("name", ["weight-engage-hf", "weight-engage-hf-float"])
def test_a_gain_above_the_weeks_median(shared: Path, name: str):
    """Stanford's limit is 3 lb, reached exactly: in binary floats 128.2 - 125.2 is less."""
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (case,) = (one for one in cases if one["id"] == name)
    weights = [Decimal(str(value)) for _, value in case["input"]["series"]]
    above = weight_change.above_usual(weights)
    assert above == Decimal(str(case["expected"]["delta_lb"]))
    assert (above >= 3) == case["expected"]["alert"]
