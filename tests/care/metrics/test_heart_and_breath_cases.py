"""Beats, rest, baselines, saturation, on published and decided cases."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from care.metrics import baseline, oxygen_saturation, resting_heart_rate
from care.metrics import heart_rate_variability as hrv
from care.metrics.figure import rounded
from care.rules import LIMITS, RULES
from devices.heart_rate import MEASUREMENT

pytestmark = pytest.mark.shared

Case = dict[str, Any]


def variability(given: Case, expected: Case) -> None:
    if "min_duration_s" in given:
        found = hrv.variability(given["rr_ms"], least=given["min_duration_s"])
        assert (found.seconds, found.rmssd) == (expected["duration_s"], None)
        return
    found = hrv.variability(given["rr_ms"], least=0, least_sdnn=0)
    assert list(found.rejected) == expected["rejected_index"]
    assert (found.n, found.pairs) == (expected["n_nn"], expected["n_pairs"])
    figures = (found.mean, found.sdnn, found.rmssd)
    assert figures == pytest.approx((expected["mean_nn"], expected["sdnn"], expected["rmssd"]))


def in_1024ths(given: Case, expected: Case) -> None:
    intervals = b"".join(one.to_bytes(2, "little") for one in given["raw_2A37_units"])
    (decoded,) = MEASUREMENT.decode(b"\x10\x46" + intervals)
    found = [float(one.value) for one in decoded.readings if one.metric == "rr_interval"]
    assert found == expected["rr_ms"]


def rest(given: Case, expected: Case) -> None:
    bins = {
        datetime.fromisoformat(f"2026-03-02T{when}+00:00"): Decimal(rate)
        for when, rate in given["bins_5min"]
    }
    found = resting_heart_rate.lowest(bins)
    assert found is not None
    assert rounded(found.rate, 0) == expected["resting_hr"]
    end = found.start + resting_heart_rate.WINDOW * resting_heart_rate.BIN
    assert f"{found.start:%H:%M}-{end:%H:%M}" == expected["window"]


def robust(given: Case, expected: Case) -> None:
    found = baseline.baseline(given["baseline"], resolution=0.1)
    assert found.center == expected["median"]
    assert found.scale == pytest.approx(expected["scaled_mad"])
    distance = found.distance(given["today"])
    assert distance == pytest.approx(expected["z"])
    assert (abs(distance) >= LIMITS["pulse_unusual"].value) == expected["outside_3"]


def smoothed(given: Case, expected: Case) -> None:
    found = baseline.smoothed(given["values"], weight=given["alpha"])
    assert found == pytest.approx(expected["ewma"])


def cusum(given: Case, expected: Case) -> None:
    sums = baseline.rises(given["z"], slack=given["k"])
    assert sums == pytest.approx(expected["upper"])
    alarms = [place for place, one in enumerate(sums) if one > baseline.DECISION]
    assert alarms[0] == expected["alarm_index"]


def unusual_saturation(given: Case, expected: Case) -> None:
    below = oxygen_saturation.limit(given["last7"])
    assert below == pytest.approx(expected["limit"])
    assert (given["today"] < below) == expected["event"]


CHECKS = {
    "hrv": variability,
    "hrv-unit": in_1024ths,
    "resting-hr": rest,
    "robust-z": robust,
    "ewma": smoothed,
    "cusum": cusum,
    "spo2-spc": unusual_saturation,
}


def test_case(clinical_case: Case):
    CHECKS[clinical_case["rule"]](clinical_case["input"], clinical_case["expected"])


def shared_case(shared: Path, name: str) -> Case:
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (found,) = (one for one in cases if one["id"] == name)
    return found


def test_below_in_and_above_the_prescribed_range(shared: Path, table, ask):
    case = shared_case(shared, "spo2-target-88-92")
    low, high = case["input"]["target"]
    plan = {"lowest_oxygen_saturation": Decimal(low), "highest_oxygen_saturation": Decimal(high)}
    asked = ask("2026-03-02 09:00", limits=plan)
    for value, state in zip(case["input"]["values"], case["expected"]["state"], strict=True):
        lines = (f"2026-03-02 08:0{minute} | oxygen_saturation | {value}" for minute in range(3))
        readings = table("\n".join(lines))
        found = {name for name in ("low", "high") if RULES[f"oxygen_{name}"].find(readings, asked)}
        assert found == {"below": {"low"}, "in": set(), "above": {"high"}}[state], value


def test_a_fall_of_five_points_from_one_day_to_the_next(shared: Path, table, ask):
    case = shared_case(shared, "spo2-day-drop-5")
    before, today = case["input"]["previous"], case["input"]["today"]
    picture = f"""
        2026-03-01 08:00 | oxygen_saturation | {before}
        2026-03-02 08:00 | oxygen_saturation | {today}
    """
    found = RULES["oxygen_fall"].find(table(picture), ask("2026-03-02 09:00"))
    assert found is not None
    assert found.figures["fall"] == str(case["expected"]["drop"])


def test_no_half_hour_of_rest_without_enough_measured():
    start = datetime(2026, 3, 2, 2, tzinfo=UTC)
    bins = {start + place * resting_heart_rate.BIN: Decimal(50) for place in range(4)}
    assert resting_heart_rate.lowest(bins) is None


def test_rest_of_three_days_without_steps(table):
    nights = [
        f"2026-03-0{day} 03:{minute:02} | heart_rate | {50 + day}"
        for day in (2, 3, 4)
        for minute in range(30)
    ]
    walks = [
        line
        for minute in range(30)
        for line in (
            f"2026-03-04 15:{minute:02} | heart_rate | 40",
            f"2026-03-04 15:{minute:02} | step_count | 3",
        )
    ]
    (found,) = resting_heart_rate.figures(table("\n".join(nights + walks)), date(2026, 3, 4))
    assert (found.value, found.n) == (53, 3)


def test_a_lost_connection_makes_two_recordings(table):
    beats = [f"2026-03-02 03:00:{second:02} | rr_interval | 1000" for second in (0, 1, 2, 30, 31)]
    assert [len(one) for one in hrv.recordings(table("\n".join(beats)))] == [3, 2]


def test_variability_of_three_nights(table):
    start = datetime(2026, 3, 2, 3)  # noqa: DTZ001 - local, as the picture writes it
    beats = [
        f"{start + timedelta(days=day, seconds=second)} | rr_interval | {1000 + 10 * (second % 2)}"
        for day in range(3)
        for second in range(310)
    ]
    found = {one.name: one for one in hrv.figures(table("\n".join(beats)), date(2026, 3, 4))}
    assert found["heart_rate_variability_rmssd"].value == 10
    assert found["heart_rate_variability_sdnn"].value == 5
    two_nights = hrv.figures(table("\n".join(beats[:620])), date(2026, 3, 4))
    assert [(one.value, one.missing) for one in two_nights] == [(None, "nights")] * 2


def test_a_baseline_leaves_the_last_days_out():
    days = {date(2026, 3, 1) + timedelta(days=day): 70.0 for day in range(12)}
    today = date(2026, 3, 12)
    slow_rise = days | {today - timedelta(days=back): 90.0 for back in range(3)}
    found = baseline.before(slow_rise, today, resolution=1)
    assert found is not None
    assert (found.center, found.scale) == (70, 1)
    assert baseline.before(dict(list(days.items())[:6]), today, resolution=1) is None


def test_the_usual_the_lowest_and_the_share_of_saturation(table):
    rows = [
        f"2026-03-0{day} 08:00 | oxygen_saturation | {value}"
        for day, value in ((2, 94), (3, 89), (4, 93), (5, 95))
    ]
    found = {
        one.name: one.value
        for one in oxygen_saturation.figures(table("\n".join(rows)), date(2026, 3, 5))
    }
    assert found == {
        "median_oxygen_saturation": 94,
        "lowest_oxygen_saturation": 89,
        "low_oxygen_saturation": 25,
    }
