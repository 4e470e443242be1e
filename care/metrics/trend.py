"""A trend that outliers don't move: Theil-Sen slope on real times, Mann-Kendall test.

Source: Sen, JASA 1968;63:1379 (slope and its interval); Mann 1945, Kendall 1975 (test, with the
variance corrected for ties and a continuity correction).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import NormalDist, median

FEWEST = 4
"""Values below which nothing is computed."""
ENOUGH_DAYS, WITHIN_DAYS, CHANCE = 7, 14, 0.05
IMPORTANT = {
    "body_weight": 1.0,
    "systolic_blood_pressure": 5.0,
    "oxygen_saturation": 2.0,
    "heart_rate": 5.0,
    "pulse_rate": 5.0,
}
"""The smallest change over a period that matters to anybody, in the metric's unit."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Slope in units a day, with its 95 % interval, and how likely chance makes as much of it."""

    n: int
    slope: float
    lowest: float
    highest: float
    statistic: int
    variance: float
    z: float
    p: float


def trend(days: Sequence[float], values: Sequence[float]) -> Trend | None:
    """Return the trend of one value a day, None of fewer than four; `days` need not be even."""
    if len(values) < FEWEST:
        return None
    pairs = list(combinations(sorted(zip(days, values, strict=True)), 2))
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in pairs if x2 > x1)
    statistic = sum((y2 > y1) - (y2 < y1) for (_, y1), (_, y2) in pairs)
    variance = _variance(values)
    z = (statistic - (statistic > 0) + (statistic < 0)) / sqrt(variance) if variance else 0.0
    lowest, highest = _interval(slopes, variance)
    return Trend(
        n=len(values),
        slope=median(slopes),
        lowest=lowest,
        highest=highest,
        statistic=statistic,
        variance=variance,
        z=z,
        p=2 * (1 - _NORMAL.cdf(abs(z))),
    )


def worth_telling(metric: str, days: Sequence[float], values: Sequence[float]) -> Trend | None:
    """Return the trend of a metric where there is one: enough days, hardly chance, and it matters.

    A change that is sure and too small for anybody is none, and so is one in fewer than 7 of at
    least 14 days.
    """
    least = IMPORTANT.get(metric)
    found = trend(days, values)
    if least is None or found is None or found.n < ENOUGH_DAYS or found.p >= CHANCE:
        return None
    span = max(days) - min(days)
    return found if span + 1 >= WITHIN_DAYS and abs(found.slope * span) >= least else None


def _variance(values: Sequence[float]) -> float:
    """Return the variance of the statistic by chance alone; equal values lower it."""
    return (_spread(len(values)) - sum(map(_spread, Counter(values).values()))) / 18


def _spread(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def _interval(slopes: Sequence[float], variance: float) -> tuple[float, float]:
    """Return between which of the sorted slopes the true one is, with 95 % confidence."""
    reach = _NORMAL.inv_cdf(0.975) * sqrt(variance)
    low = round((len(slopes) - reach) / 2)
    high = round((len(slopes) + reach) / 2)
    return slopes[max(0, low - 1)], slopes[min(len(slopes) - 1, high)]
