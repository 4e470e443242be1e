"""Glucose profile, risk and indicators, on published figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from care.metrics import continuous_glucose, glucose_profile, glucose_risk, self_measured_glucose
from care.metrics.continuous_glucose import Band
from care.readings import frame

pytestmark = pytest.mark.shared

Case = dict[str, Any]


def percentiles(given: Case, expected: Case) -> None:
    found = glucose_profile.percentiles(given["values"])
    assert found == pytest.approx(tuple(expected.values()))


def whole_percents(given: Case, expected: Case) -> None:
    assert glucose_profile.whole_percents(given["percent"]) == expected["rounded"]


def indicator(given: Case, expected: Case) -> None:
    mean = given.get("mean_mgdl") or given["mean_mmol"] * 18.0156
    percent = continuous_glucose.management_indicator(mean)
    assert percent == pytest.approx(expected["gmi_percent"], abs=1e-3)
    if "mean_mmol" in given:
        in_si = continuous_glucose.management_indicator_mmol(given["mean_mmol"])
        assert in_si == pytest.approx(expected["gmi_mmol_per_mol"], abs=1e-3)


def expected_readings(given: Case, expected: Case) -> None:
    every, day = timedelta(minutes=given["interval_min"]), date.fromisoformat(given["date"])
    assert glucose_profile.expected_readings(day, given["tz"], every=every) == expected["expected"]


def beyond_scale(given: Case, expected: Case) -> None:
    """A sensor's LO and HI stand one beside its limits."""
    low, high = given["device_limits"]
    values = pl.DataFrame({"value": [Decimal(one) for one in (low - 1, high + 1, 120)]})
    assert values["value"].to_list() == expected["mean_uses"]
    bands = values.select(continuous_glucose.band(pl.col("value"))).to_series()
    assert bands.to_list() == expected["bands"]


def risk(given: Case, expected: Case) -> None:
    found = glucose_risk.indices(np.asarray(given["values"], dtype=float))
    assert found == pytest.approx((expected["lbgi"], expected["hbgi"]), abs=1e-6)


CHECKS = {
    "agp": percentiles,
    "agp-rounding": whole_percents,
    "gmi": indicator,
    "cgm-expected-readings": expected_readings,
    "cgm-sentinel": beyond_scale,
    "lbgi-hbgi": risk,
}


def test_case(clinical_case: Case):
    CHECKS[clinical_case["rule"]](clinical_case["input"], clinical_case["expected"])


@pytest.fixture
def subject(shared: Path) -> pl.DataFrame:
    """Subject 1 of iglu's sample data; its times are local."""
    rows = pl.read_csv(shared / "data/cgm/subjects_5.csv").filter(id="Subject 1")
    readings = [
        ("interstitial_glucose", at, Decimal(glucose), 0, 1, at, number)
        for number, (when, glucose) in enumerate(rows.select("time", "gl").iter_rows())
        for at in [datetime.fromisoformat(when).replace(tzinfo=UTC)]
    ]
    return frame(readings, "UTC")


def test_two_published_implementations_agree_on_the_risk(subject: pl.DataFrame):
    """iglu_python 0.4.3 and R's iglu: GRI 7.190395, LBGI 0.432052, HBGI 1.807362."""
    values = continuous_glucose.two_weeks(subject, date(2015, 6, 19))["value"]
    found = continuous_glucose.summary(values)
    assert glucose_risk.risk_index(found.shares) == pytest.approx(7.190395, abs=1e-5)
    risks = glucose_risk.indices(values.cast(pl.Float64).to_numpy())
    assert risks == pytest.approx((0.432052, 1.807362), abs=1e-5)
    shown = {one.name: str(one.value) for one in glucose_risk.figures(subject, date(2015, 6, 19))}
    assert shown == {"glucose_risk": "7.2", "glucose_risk_low": "0.4", "glucose_risk_high": "1.8"}


def test_the_risk_index_is_at_most_a_hundred():
    assert glucose_risk.risk_index(dict.fromkeys(Band, 0.0) | {Band.VERY_LOW: 90.0}) == 100


def test_the_profile_of_two_weeks(subject: pl.DataFrame):
    hours = glucose_profile.profile(subject, date(2015, 6, 19))
    assert [one.hour for one in hours] == list(range(24))
    assert sum(one.n for one in hours) == 2915
    for one in hours:
        assert list(one.percentiles) == sorted(one.percentiles)


def test_a_profile_of_too_little_is_none(subject: pl.DataFrame):
    assert glucose_profile.profile(subject.head(2000), date(2015, 6, 19)) == []


def test_drops_of_blood(table):
    rows = "\n".join(
        f"2026-03-{day:02} 08:00 | blood_glucose | {value}"
        for day, value in enumerate([65, 70, 120, 180, "180.156", 181, 250] * 2, 2)
    )
    shown = {
        one.name: one.value for one in self_measured_glucose.figures(table(rows), date(2026, 3, 15))
    }
    assert shown == {
        "median_blood_glucose": 180,
        "lowest_blood_glucose": 65,
        "highest_blood_glucose": 250,
        "blood_glucose_in_target": 57,
    }
