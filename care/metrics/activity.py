"""Steps and active minutes of a week. A day without data is no day of 0 steps.

Sources: a day counts that was worn for 10 hours, a week with 4 of them; WHO guidelines 2020: 150 to
300 minutes of moderate activity a week, a vigorous minute counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from statistics import median

import polars as pl

from balise.model import Quality
from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

DAYS, ENOUGH_DAYS = 7, 4
WORN_HOURS = 10
_ENDS_OF_DAY = (0, 23)
SOURCE = "median of days worn for 10 hours or told as a whole, at least 4 of 7"
SOURCE_MINUTES = "WHO 2020: moderate minutes of 7 days, vigorous ones twice"


def worn_enough(hours: float) -> bool:
    """Return whether a device was worn long enough for its day to count."""
    return hours >= WORN_HOURS


def days_that_count(readings: pl.DataFrame) -> dict[date, Decimal]:
    """Return the steps of each day that counts.

    Hours worn are hours of which anything is told. One number alone, stamped in the first or the
    last hour of the day, is the whole day's, and stands: the device made it.
    """
    days = readings.group_by("day").agg(
        steps=pl.col("value").filter(pl.col("metric") == "step_count").sum(),
        told=(pl.col("metric") == "step_count").sum(),
        at=pl.col("hour").filter(pl.col("metric") == "step_count").first(),
        hours=pl.col("taken_at").dt.truncate("1h").n_unique(),
    )
    return {
        row["day"]: row["steps"]
        for row in days.iter_rows(named=True)
        if (row["told"] == 1 and row["at"] in _ENDS_OF_DAY)
        or (row["told"] and worn_enough(row["hours"]))
    }


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the steps of a usual day, and the week's active minutes."""
    worn = readings.filter(
        (of_period("step_count", last, DAYS) | of_period("heart_rate", last, DAYS))
        # Counts since midnight are statistics: the last one has all the others in it.
        & measured(Quality.SUMMARY_STATISTIC)
    )
    steps = days_that_count(worn)
    basis = Basis.of(
        worn.filter(pl.col("metric") == "step_count"),
        last=last,
        days=DAYS,
        source=SOURCE,
        n=len(steps),
    )
    enough = len(steps) >= ENOUGH_DAYS
    usual = median(steps.values()) if enough else None
    return [
        basis.figure("steps_a_day", usual, "1", 0, needed=ENOUGH_DAYS, missing="days"),
        _active(readings, last),
    ]


def _active(readings: pl.DataFrame, last: date) -> Figure:
    moderate, vigorous = (
        readings.filter(of_period(metric, last, DAYS) & measured())
        for metric in ("moderate_activity_time", "vigorous_activity_time")
    )
    told = pl.concat([moderate, vigorous])
    days = told["day"].n_unique()
    minutes = _sum(moderate["value"]) + 2 * _sum(vigorous["value"])
    return Basis.of(told, last=last, days=DAYS, source=SOURCE_MINUTES, n=days).figure(
        "active_minutes",
        minutes if days >= ENOUGH_DAYS else None,
        "min",
        0,
        needed=ENOUGH_DAYS,
        missing="days",
    )


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))
