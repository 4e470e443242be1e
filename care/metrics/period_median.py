"""The median of a metric over 7 days, for metrics without a protocol of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import polars as pl

from balise.metrics import METRICS
from care.metrics.figure import Figure, rounded

DAYS = 7
ENOUGH = 3
SOURCE = "median of all readings of 7 days"


def of(metric: str) -> Callable[[pl.DataFrame, date], list[Figure]]:
    """Return the figure's function for a metric."""

    def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
        first = last - timedelta(days=DAYS - 1)
        kept = readings.filter((pl.col("metric") == metric) & pl.col("day").is_between(first, last))
        values: list[Decimal] = kept["value"].to_list()
        enough = len(values) >= ENOUGH
        return [
            Figure(
                name=f"median_{metric}",
                value=rounded(median(values), METRICS[metric].decimals) if enough else None,
                unit=METRICS[metric].unit,
                n=len(values),
                needed=ENOUGH,
                days=DAYS,
                days_with_data=kept["day"].n_unique(),
                start=first,
                end=last,
                source=SOURCE,
                missing="" if enough else "readings",
                evidence=tuple(kept["key"].tail(200)),
            )
        ]

    return figures
