"""Trends against SciPy's and pymannkendall's figures of the same series."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from care.metrics.trend import trend


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
