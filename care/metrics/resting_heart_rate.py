"""Resting heart rate: the lowest mean of 30 minutes without a step, of each local day.

There is no norm, and makers differ: the definition is said with the figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

import polars as pl

from balise.model import Quality
from care.metrics.figure import Basis, Figure, of_period, rounded
from care.readings import measured

BIN = timedelta(minutes=5)
WINDOW = 6
"""Bins in 30 minutes."""
ENOUGH_BINS = 5
"""80 % of the window."""
DAYS, ENOUGH_DAYS = 7, 3
SOURCE = "lowest 30 minutes without a step of each day, 80 % of them measured; median of 7 days"


@dataclass(frozen=True, slots=True)
class Rest:
    """The lowest half hour of a day: from when, and its mean, exact."""

    start: datetime
    rate: Decimal


def lowest(bins: Mapping[datetime, Decimal]) -> Rest | None:
    """Return the lowest half hour of bins of 5 minutes, None where none is measured enough.

    Of half hours that are alike as shown, the first.
    """
    windows = [
        Rest(start, sum(rates, Decimal(0)) / len(rates))
        for start in sorted(bins)
        if len(rates := _rates(bins, start)) >= ENOUGH_BINS
    ]
    return min(windows, key=lambda one: (rounded(one.rate, 0), one.start), default=None)


def _rates(bins: Mapping[datetime, Decimal], start: datetime) -> list[Decimal]:
    times = (start + place * BIN for place in range(WINDOW))
    return [bins[time] for time in times if time in bins]


def bins_at_rest(rates: pl.DataFrame, steps: pl.DataFrame) -> dict[datetime, Decimal]:
    """Return the mean rate of each 5 minutes in which nobody walked."""
    moved = steps.filter(pl.col("value") > 0).select(bin=_bin())
    binned = (
        rates.with_columns(bin=_bin())
        .join(moved, on="bin", how="anti")
        .group_by("bin")
        .agg(total=pl.col("value").sum(), n=pl.len())
    )
    return {start: total / n for start, total, n in binned.iter_rows()}


def _bin() -> pl.Expr:
    return pl.col("taken_at").dt.truncate(BIN)


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the median over 7 days of each day's resting rate."""
    rates, steps = (
        readings.filter(of_period(metric, last, DAYS) & measured(Quality.SUMMARY_STATISTIC))
        for metric in ("heart_rate", "step_count")
    )
    of_days = [
        rounded(found.rate, 0)
        for (day,), some in rates.partition_by("day", as_dict=True).items()
        if (found := lowest(bins_at_rest(some, steps.filter(pl.col("day") == day))))
    ]
    basis = Basis.of(rates, last=last, days=DAYS, source=SOURCE, n=len(of_days))
    value = median(of_days) if len(of_days) >= ENOUGH_DAYS else None
    return [
        basis.figure("resting_heart_rate", value, "/min", 0, needed=ENOUGH_DAYS, missing="days")
    ]
