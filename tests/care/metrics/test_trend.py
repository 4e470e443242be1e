"""Trends against SciPy's and pymannkendall's figures of the same series."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from care.metrics.trend import trend, worth_telling


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["ties-symmetric", "irregular-days", "one-outlier", "weight-up-14", "bp-down-10"]
)
def test_published_series(shared: Path, name: str):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (case,) = (one for one in cases if one["id"] == f"trend-{name}")
    values = case["input"]["values"]
    found = trend(case["input"].get("day", range(len(values))), values)
    assert found is not None
    expected = case["expected"]
    assert found.statistic == expected["S"]
    assert found.variance == pytest.approx(expected["var"])
    assert found.z == pytest.approx(expected["z"])
    assert found.p == pytest.approx(expected["p"], rel=1e-6)
    assert found.slope == pytest.approx(expected["slope"], abs=1e-9)
    assert (found.lowest, found.highest) == pytest.approx(
        (expected["slope_lo"], expected["slope_hi"]), abs=1e-9
    )


def test_three_values_are_no_trend():
    assert trend([0, 1, 2], [1, 2, 3]) is None


def test_equal_values_are_a_trend_of_nothing():
    found = trend(range(5), [70] * 5)
    assert found is not None
    assert (found.slope, found.p) == (0, 1)


RISING = [72.0 + day / 10 for day in range(15)]


@pytest.mark.parametrize(
    ("metric", "days", "values", "told"),
    [
        ("body_weight", range(15), RISING, True),
        ("body_weight", range(13), RISING[:13], False),  # under two weeks
        ("body_weight", range(0, 15, 3), RISING[::3], False),  # five days of them
        ("body_weight", range(15), [72 + day / 20 for day in range(15)], False),  # 0.7 kg
        ("body_weight", range(15), [72.0, 74.0, 71.0] * 5, False),  # chance
        ("blood_ketone", range(15), RISING, False),  # nobody knows what would matter
    ],
)
def test_a_trend_is_told_where_it_matters(
    metric: str,
    days: range,
    values: list[float],
    told: bool,  # noqa: FBT001 - what is expected
):
    assert (worth_telling(metric, days, values) is not None) == told
