"""What is usual for this patient, and how far from it a day is.

Sources: median and scaled MAD (Hampel 1974); EWMA, Roberts 1959; tabular CUSUM, Page 1954.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from statistics import median

NORMAL = 1.4826
"""The median absolute deviation times this is a normal distribution's standard deviation."""
DAYS, LEFT_OUT, ENOUGH = 28, 3, 7
"""The baseline is of 28 days; the 3 days before are left out, lest a slow change hide in it."""
SMOOTHING, SLACK, DECISION = 0.3, 0.5, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The usual value and how it scatters, in the metric's unit."""

    center: float
    scale: float

    def distance(self, value: float) -> float:
        """Return how many scales a value is from the usual one (robust z)."""
        return (value - self.center) / self.scale


def baseline(values: Sequence[float], *, resolution: float) -> Baseline:
    """Return the baseline of one value a day.

    The scale is at least the device's `resolution`: the deviation of a steady series is 0.
    """
    center = median(values)
    deviation = median(abs(value - center) for value in values)
    return Baseline(center=center, scale=max(NORMAL * deviation, resolution))


def before(days: Mapping[date, float], today: date, *, resolution: float) -> Baseline | None:
    """Return the baseline of the 28 days before the last 3, None with fewer than 7 values."""
    values = days_before(days, today)
    return baseline(values, resolution=resolution) if len(values) >= ENOUGH else None


def days_before(days: Mapping[date, float], today: date) -> list[float]:
    """Return the values of the 28 days before the last 3."""
    end = today - timedelta(days=LEFT_OUT)
    return [value for day, value in days.items() if end - timedelta(days=DAYS) <= day < end]


def smoothed(values: Sequence[float], *, weight: float = SMOOTHING) -> list[float]:
    """Return the exponentially weighted mean up to each value, the first as it is."""
    return list(accumulate(values, lambda mean, value: weight * value + (1 - weight) * mean))


def rises(distances: Sequence[float], *, slack: float = SLACK) -> list[float]:
    """Return the upper sums of a CUSUM on distances from the baseline; above 4 is an alarm."""
    sums = accumulate(distances, lambda total, z: max(0.0, total + z - slack), initial=0.0)
    return list(sums)[1:]
