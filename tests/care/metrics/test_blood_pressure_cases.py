"""Home blood pressure by each protocol, on published and decided cases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from balise.model import Quality
from care.metrics import home_blood_pressure as metric
from care.metrics.figure import rounded

pytestmark = pytest.mark.shared

Case = dict[str, Any]


def picture(readings: list[tuple[str, str, Any, Any]]) -> str:
    """Sessions of (day, am or pm, systolic, diastolic), a minute apart."""
    hours = {"am": "07", "pm": "20"}
    return "\n".join(
        f"{day} {hours[part]}:{place % 60:02} | {name} | {value}"
        for place, (day, part, *values) in enumerate(readings)
        for name, value in zip((metric.SYSTOLIC, metric.DIASTOLIC), values, strict=True)
    )


def protocol(table, given: Case, expected: Case) -> None:
    chosen = metric.PROTOCOLS[given["protocol"]]
    readings = table(picture(given["readings"]))
    found = metric.mean(readings, max(readings["day"].to_list()), chosen)
    if not expected.get("sufficient", True):
        assert found is None
        return
    assert found is not None
    assert found.n == expected["n_used"]
    assert float(found.systolic) == pytest.approx(expected["sbp_mean"])
    assert float(found.diastolic) == pytest.approx(expected["dbp_mean"])
    if "category" in expected:
        assert found.category in expected["category"]


def category(_table, given: Case, expected: Case) -> None:
    means = [rounded(Decimal(str(given[one])), 0) for one in ("sbp_mean", "dbp_mean")]
    assert means == [expected["sbp"], expected["dbp"]]
    assert metric.category(*means) in expected["category"]


def session_day(table, given: Case, expected: Case) -> None:
    reading = f"{given['reading']} | {metric.SYSTOLIC} | 130"
    day = date.fromisoformat(expected["assigned_day"])
    kept = metric.series(table(reading), day, metric.FR3)
    assert kept["day"].to_list() == [day]


def kept(table, given: Case, expected: Case) -> None:
    # NaN and the float's special values never become a reading (tests/devices/test_medfloat.py).
    readings = table(picture(given["readings"][2:]))
    left = metric.series(readings, date(2026, 3, 3), metric.FR3)
    pairs = [
        left.filter(metric=one)["value"].to_list() for one in (metric.SYSTOLIC, metric.DIASTOLIC)
    ]
    assert [[int(one) for one in pair] for pair in zip(*pairs, strict=True)] == expected["kept"]


CHECKS = {
    "hbpm": protocol,
    "hbpm-category": category,
    "hbpm-day": session_day,
    "hbpm-filter": kept,
}


def test_case(clinical_case: Case, table):
    CHECKS[clinical_case["rule"]](table, clinical_case["input"], clinical_case["expected"])


TRIPLETS = [
    (f"2026-03-{day:02}", part, value, 80)
    for day in range(2, 7)
    for part in ("am", "pm")
    for value in ((200, 120, 122) if day > 3 else (300, 300, 300))
]


def test_triplets_leave_out_two_days_and_each_first(table):
    found = metric.mean(table(picture(TRIPLETS)), date(2026, 3, 6), metric.TRIPLET5)
    assert found is not None
    assert (found.n, found.systolic) == (12, 121)


def test_what_goes_with_the_mean(table):
    rows = [
        (f"2026-03-{day:02}", part, value, 80)
        for day in range(2, 9)
        for part, value in (("am", 140), ("am", 138), ("pm", 130), ("pm", 128))
    ]
    figures = {
        one.name: one.value for one in metric.figures(table(picture(rows)), date(2026, 3, 8))
    }
    assert figures["morning_minus_evening"] == 10
    assert figures["share_elevated_blood_pressure"] == 50
    assert figures["deviation_systolic_blood_pressure"] == 5


def week(times: int, systolic: int = 130) -> list[tuple[str, str, Any, Any]]:
    """Seven mornings of so many measurements."""
    return [
        (f"2026-03-0{day}", "am", systolic + place, 80)
        for day in range(1, 8)
        for place in range(times)
    ]


@pytest.mark.parametrize(
    ("code", "measured", "expected"),
    [
        ("ESH7", week(2), {"first_days": 2}),
        ("ESH7", [*week(2), ("2026-03-03", "pm", 80, 80)], {"not_upright": 1, "first_days": 2}),
        ("FR3", week(3), {}),
        ("TRIPLET5", week(3), {"first_days": 6, "first_of_session": 5}),
    ],
)
def test_what_does_not_count_is_counted_by_its_reason(
    table, code: str, measured: list[tuple[str, str, Any, Any]], expected: dict[str, int]
):
    readings, last = table(picture(measured)), date(2026, 3, 7)
    chosen = metric.PROTOCOLS[code]
    assert metric.left_out(readings, last, chosen) == expected
    figures = metric.figures(readings, last, chosen)
    assert all(one.left_out == expected for one in figures)
    assert figures[0].as_json()["left_out"] == expected
    in_period = 3 * (len(measured) // 7) if code == "FR3" else len(measured)
    assert figures[0].n + sum(expected.values()) == in_period


def test_a_statistic_of_a_device_is_no_measurement(table):
    readings = table(picture(week(2)))
    first = readings["taken_at"].min()
    flagged = readings.with_columns(
        quality=pl.when(pl.col("taken_at") == first)
        .then(Quality.SUMMARY_STATISTIC.value)
        .otherwise(pl.col("quality"))
    )
    assert metric.left_out(flagged, date(2026, 3, 7), metric.ESH7) == {
        "no_measurement": 1,
        "first_days": 1,
    }
