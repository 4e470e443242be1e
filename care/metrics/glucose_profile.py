"""The ambulatory glucose profile: two weeks laid over one another as one day.

Source: AGP report: percentiles 5, 25, 50, 75 and 95 by time of the local day, interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from care.metrics import continuous_glucose
from care.rollups import day_bounds

PERCENTILES = (5, 25, 50, 75, 95)
FEWEST = 5
"""Readings of an hour without which its percentiles are drawn from nothing."""
_HIGH = 3


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the local day: its percentiles in mg/dL, of so many readings."""

    hour: int
    n: int
    percentiles: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the hour as it is stored, to a tenth of mg/dL."""
        return {
            "hour": self.hour,
            "n": self.n,
            "percentiles": [round(one, 1) for one in self.percentiles],
        }


def percentiles(values: Sequence[float]) -> tuple[float, ...]:
    """Return the five percentiles of values."""
    return tuple(float(one) for one in np.percentile(np.asarray(values), PERCENTILES))


def profile(readings: pl.DataFrame, last: date) -> list[Hour]:
    """Return each hour of the 14 days' local day that has enough readings; none without 70 %."""
    kept = continuous_glucose.two_weeks(readings, last)
    if kept.height < continuous_glucose.enough(kept):
        return []
    by_hour = kept.sort("hour").partition_by("hour", as_dict=True, maintain_order=True)
    return [
        Hour(hour, some.height, percentiles(some["value"].cast(pl.Float64).to_list()))
        for (hour,), some in by_hour.items()
        if some.height >= FEWEST
    ]


def whole_percents(shares: Sequence[float]) -> list[int]:
    """Return the shares of the five ranges as whole percents that add up to 100.

    What rounding makes too much or too little is taken from the high range, as the AGP report does.
    """
    whole = [int(share + 0.5) for share in shares]
    whole[_HIGH] += 100 - sum(whole)
    return whole


def expected_readings(day: date, time_zone: str, *, every: timedelta) -> int:
    """Return how many readings a sensor makes on a local day, which may have 23 or 25 hours."""
    start, end = day_bounds(day, time_zone)
    return (end - start) // every
