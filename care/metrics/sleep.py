"""Sleep: how long, and how much of the time in bed.

Field names are those of Open mHealth's sleep-episode; a night is filed under its evening's date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from zoneinfo import ZoneInfo

import polars as pl

from care.metrics.figure import Basis, Figure, first_of
from care.readings import day_until, measured

DAYS, ENOUGH_NIGHTS = 7, 3
SOURCE = "median of the nights of 7 days, each under its evening's date"
_NOON = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night in bed, in minutes that really passed."""

    evening: date
    time_in_bed: float
    total_sleep_time: float

    @property
    def efficiency(self) -> float:
        """Time asleep in percent of the time in bed."""
        return 100 * self.total_sleep_time / self.time_in_bed


def night(
    to_bed: datetime, out_of_bed: datetime, *, onset: float, awake: float, time_zone: str
) -> Night:
    """Return a night from its two moments; `onset` and `awake` are minutes not slept."""
    in_bed = (out_of_bed - to_bed) / timedelta(minutes=1)
    return Night(
        evening=evening(to_bed, time_zone),
        time_in_bed=in_bed,
        total_sleep_time=in_bed - onset - awake,
    )


def evening(moment: datetime, time_zone: str) -> date:
    """Return the date of the evening that a moment of a night belongs to."""
    return (moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None) - _NOON).date()


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return how long the nights' sleep was, and how much of the time in bed."""
    period = of_nights(readings).filter(pl.col("day").is_between(first_of(last, DAYS), last))
    asleep, in_bed = (_longest(period, one) for one in ("total_sleep_time", "time_in_bed"))
    shares = [100 * asleep[day] / in_bed[day] for day in asleep.keys() & in_bed if in_bed[day] > 0]
    return [
        Basis.of(period, last=last, days=DAYS, source=SOURCE, n=len(values)).figure(
            name,
            median(values) if len(values) >= ENOUGH_NIGHTS else None,
            unit,
            0,
            needed=ENOUGH_NIGHTS,
            missing="nights",
        )
        for name, values, unit in (
            ("total_sleep_time", list(asleep.values()), "min"),
            ("sleep_efficiency", shares, "%"),
        )
    ]


def of_nights(readings: pl.DataFrame) -> pl.DataFrame:
    """Return what is told of sleep, its `day` the date of the night's evening."""
    told = pl.col("metric").is_in(("total_sleep_time", "time_in_bed"))
    return readings.filter(told & measured()).with_columns(day=day_until(_NOON.seconds // 3600))


def _longest(nights: pl.DataFrame, metric: str) -> dict[date, Decimal]:
    """Return the longest told of each night: a nap or a part is told beside the whole."""
    told = nights.filter(pl.col("metric") == metric)
    return dict(told.group_by("day").agg(pl.col("value").max()).iter_rows())
