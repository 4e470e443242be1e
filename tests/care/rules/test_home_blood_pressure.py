from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from care.metrics import home_blood_pressure as protocol
from care.rules.home_blood_pressure import find

SYSTOLIC, DIASTOLIC = "systolic_blood_pressure", "diastolic_blood_pressure"


def picture(rows: list[tuple[str, int | str, int | str]]) -> str:
    return "\n".join(
        f"{when} | {SYSTOLIC} | {systolic}\n{when} | {DIASTOLIC} | {diastolic}"
        for when, systolic, diastolic in rows
    )


def week(systolic: int, diastolic: int, days: int = 7) -> list[tuple[str, int, int]]:
    first = date(2026, 3, 2)
    return [
        (f"{first + timedelta(days=day)} {hour}", systolic, diastolic)
        for day in range(days)
        for hour in ("07:00", "07:05", "20:00", "20:05")
    ]


@pytest.mark.shared
@pytest.mark.parametrize(
    "case", ["hbpm-7d-at-threshold", "hbpm-11-readings", "hbpm-4d-12-readings"]
)
def test_the_published_protocol(shared: Path, table, case: str):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    found: dict[str, Any] = next(one for one in cases if one["id"] == case)
    hours = {"am": "07:00", "pm": "20:00"}
    rows = [(f"{day} {hours[part]}", s, d) for day, part, s, d in found["input"]["readings"]]
    readings: pl.DataFrame = table(picture(rows))
    mean = protocol.mean(readings, max(readings["day"].to_list()))
    expected = found["expected"]
    if expected.get("sufficient", True):
        assert mean is not None
        assert mean.n == expected["n_used"]
        assert float(mean.systolic) == pytest.approx(expected["sbp_mean"])
        assert float(mean.diastolic) == pytest.approx(expected["dbp_mean"])
    else:
        assert mean is None


def test_the_mean_at_the_threshold_is_over_it(table, ask):
    finding = find(table(picture(week(135, 80))), ask("2026-03-08 21:00"))
    assert finding is not None
    assert finding.figures["systolic"] == "135"
    assert finding.figures["n"] == 24
    assert len(finding.evidence) == 48


def test_a_mean_below_is_not(table, ask):
    assert find(table(picture(week(134, 84))), ask("2026-03-08 21:00")) is None


def test_what_the_page_shows_is_what_is_judged(table):
    rows = [*week(134, 80)[:16], *[(when, 135, 80) for when, _, _ in week(0, 0)[16:]]]
    mean = protocol.mean(table(picture(rows)), date(2026, 3, 8))
    assert mean is not None
    assert mean.systolic == Decimal("134.5")


def test_fewer_than_twelve_readings_are_no_mean_and_no_alert(table, ask):
    readings = table(picture(week(170, 100, days=3)))
    assert find(readings, ask("2026-03-04 21:00")) is None
    figures = protocol.figures(readings, date(2026, 3, 4))
    assert {figure.value for figure in figures} == {None}
    assert {figure.n for figure in figures} == {8}
    assert {figure.missing for figure in figures} == {"readings"}


def test_an_evening_session_after_midnight_is_of_the_day_before(table):
    rows = [*week(120, 70)[4:], ("2026-03-03 00:20", 200, 120)]
    kept = protocol.series(table(picture(rows)), date(2026, 3, 8))
    assert 200 not in kept["value"].to_list()


def test_a_last_session_after_midnight_is_of_the_evening(table, ask):
    rows = [*week(140, 90)[:-2], ("2026-03-09 00:10", 140, 90), ("2026-03-09 00:15", 140, 90)]
    finding = find(table(picture(rows)), ask("2026-03-09 08:00"))
    assert finding is not None
    assert finding.figures["n"] == 24


def test_weeks_over_the_limit_say_that_they_began_before_what_is_looked_at(table, ask):
    found = find(table(picture(week(150, 95, days=40))), ask("2026-04-10 21:00"))
    assert found is not None
    assert found.open_ended
