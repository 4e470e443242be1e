"""What `balise metrics` says of a whole file: trends, what is usual, and a sensor's day.

The patient's page draws them and prints no figure of them: here anybody can check what it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from balise.metrics import METRICS
from care.metrics import baseline, glucose_profile, trend
from care.readings import daily_medians, measured

Answers = Iterator[dict[str, Any]]
_DIGITS = 6


def trends(readings: pl.DataFrame, last: date) -> Answers:
    """Yield each metric's slope a day by its daily medians, and whether a page would tell it."""
    for metric, days in _by_metric(readings, last):
        places, values = [float(day.toordinal()) for day in days], list(days.values())
        found = trend.trend(places, values)
        yield {
            "name": "trend",
            "metric": metric,
            "unit": f"{METRICS[metric].unit}/d",
            "n": len(days),
            "value": _rounded(found.slope) if found else None,
            "missing": "" if found else f"days: {trend.FEWEST} at least",
            "source": "Theil-Sen, Mann-Kendall",
            **(_chance(found) if found else {}),
            "told": trend.worth_telling(metric, places, values) is not None,
        }


def _chance(found: trend.Trend) -> dict[str, Any]:
    parts = {"lowest": found.lowest, "highest": found.highest, "p": found.p}
    return {name: _rounded(one) for name, one in parts.items()}


def baselines(readings: pl.DataFrame, last: date) -> Answers:
    """Yield what is usual before the last days of each metric, and how far from it they are.

    Distances, their smoothed mean and their upper sums are of the days since: the last one's.
    """
    for metric, days in _by_metric(readings, last):
        declared = METRICS[metric]
        usual = baseline.before(days, last, resolution=10.0**-declared.decimals)
        answer = {
            "name": "personal_baseline",
            "metric": metric,
            "unit": declared.unit,
            "n": len(baseline.days_before(days, last)),
            "value": _rounded(usual.center) if usual else None,
            "missing": "" if usual else f"days: {baseline.ENOUGH} of the {baseline.DAYS} before",
            "source": f"median and MAD of the {baseline.DAYS} days before",
        }
        yield answer | (_distances(usual, days, last) if usual else {})


def _distances(usual: baseline.Baseline, days: Mapping[date, float], last: date) -> dict[str, Any]:
    since = [value for day, value in days.items() if 0 <= (last - day).days < baseline.LEFT_OUT]
    far = [usual.distance(value) for value in since]
    newest = {
        "distance": far,
        "smoothed": baseline.smoothed(far),
        "rise": baseline.rises(far),
    }
    return {
        "scale": _rounded(usual.scale),
        **{name: _rounded(some[-1]) if some else None for name, some in newest.items()},
    }


def profile(readings: pl.DataFrame, last: date) -> Answers:
    """Yield the hours of two weeks of a glucose sensor, laid over one another as one day."""
    for hour in glucose_profile.profile(readings, last):
        percentiles = dict(zip(glucose_profile.PERCENTILES, hour.percentiles, strict=True))
        yield {
            "name": "glucose_profile",
            "hour": hour.hour,
            "unit": METRICS["interstitial_glucose"].unit,
            "n": hour.n,
            "value": _rounded(percentiles[50]),
            "source": "AGP, percentiles by the hour",
            **{f"p{name}": _rounded(one) for name, one in percentiles.items()},
        }


def _by_metric(readings: pl.DataFrame, last: date) -> Iterator[tuple[str, dict[date, float]]]:
    """Yield each metric's daily medians up to a day."""
    kept = readings.filter(measured() & (pl.col("day") <= last))
    kept = kept.sort("metric", maintain_order=True)
    for (metric,), some in kept.partition_by("metric", as_dict=True, maintain_order=True).items():
        medians = daily_medians(some)
        yield str(metric), {day: float(medians[day]) for day in sorted(medians)}


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


SERIES: dict[str, Callable[[pl.DataFrame, date], Answers]] = {
    "trend": trends,
    "personal_baseline": baselines,
    "glucose_profile": profile,
}
"""What `balise metrics` computes besides the figures of a period."""
