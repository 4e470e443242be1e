"""Weight now and its change over the 7 days before, from one morning weight a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from statistics import median

import polars as pl

from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

DAYS = 7
ENOUGH = 3
SOURCE = "first morning weight of each civil day"
OTHER_PERSON = Decimal("0.10")
"""A weight this far from the median of the days around it is another person's."""


def daily_weights(readings: pl.DataFrame) -> pl.DataFrame:
    """Return one weight a day: the first between 04:00 and 12:00, else the day's first."""
    morning = pl.col("hour").is_between(4, 11)
    days = (
        readings.filter((pl.col("metric") == "body_weight") & measured())
        .sort(~morning, "taken_at")
        .group_by("day", maintain_order=True)
        .first()
        .sort("day")
    )
    weights: list[Decimal] = days["value"].to_list()
    if not weights:
        return days
    usual = median(weights)
    return days.filter((pl.col("value") - usual).abs() <= OTHER_PERSON * usual)


def above_usual(weights: Sequence[Decimal]) -> Decimal:
    """Return how much the last of up to seven days' weights is above their median, itself included.

    ENGAGE-HF (Stanford) calls 3 lb or more a gain; decimals, since 128.2 - 125.2 is less in floats.
    """
    return weights[-1] - median(weights)


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the last weight and the change since the first of the 7 days."""
    days = daily_weights(readings).filter(of_period("body_weight", last, DAYS))
    weights: list[Decimal] = days["value"].to_list()
    now = weights[-1] if weights else None
    change = weights[-1] - weights[0] if len(weights) >= ENOUGH else None
    above = above_usual(weights) if len(weights) >= ENOUGH else None
    basis = Basis.of(days, last=last, days=DAYS, source=SOURCE)
    return [
        basis.figure("last_body_weight", now, "kg", 1, needed=1, missing="days"),
        basis.figure("body_weight_change", change, "kg", 1, needed=ENOUGH, missing="days"),
        basis.figure("body_weight_above_usual", above, "kg", 1, needed=ENOUGH, missing="days"),
    ]
