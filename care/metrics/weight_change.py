"""Weight now and its change over the 7 days before, from one morning weight a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import polars as pl

from care.metrics.figure import Figure, rounded

DAYS = 7
ENOUGH = 3
SOURCE = "first morning weight of each civil day"
OTHER_PERSON = Decimal("0.10")
"""A weight this far from the median of the days around it is another person's."""


def daily_weights(readings: pl.DataFrame) -> pl.DataFrame:
    """Return one weight a day: the first between 04:00 and 12:00, else the day's first."""
    morning = pl.col("hour").is_between(4, 11)
    days = (
        readings.filter(pl.col("metric") == "body_weight")
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


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the last weight and the change since the first of the 7 days."""
    first = last - timedelta(days=DAYS - 1)
    days = daily_weights(readings).filter(pl.col("day").is_between(first, last))
    weights: list[Decimal] = days["value"].to_list()
    enough = len(weights) >= ENOUGH
    values = {
        "last_body_weight": weights[-1] if weights else None,
        "body_weight_change": weights[-1] - weights[0] if enough else None,
    }
    return [
        Figure(
            name=name,
            value=None if value is None else rounded(value, 1),
            unit="kg",
            n=len(weights),
            needed=1 if name == "last_body_weight" else ENOUGH,
            days=DAYS,
            days_with_data=len(weights),
            start=first,
            end=last,
            source=SOURCE,
            missing="" if value is not None else "days",
            evidence=tuple(days["key"]),
        )
        for name, value in values.items()
    ]
