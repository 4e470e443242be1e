"""The median of a metric over 7 days, for metrics without a protocol of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from statistics import median

import polars as pl

from balise.metrics import METRICS
from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

DAYS = 7
ENOUGH = 3
SOURCE = "median of the readings of 7 days"


def of(metric: str) -> Callable[[pl.DataFrame, date], list[Figure]]:
    """Return the figure's function for a metric."""

    def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
        kept = readings.filter(of_period(metric, last, DAYS) & measured())
        values: list[Decimal] = kept["value"].to_list()
        basis = Basis.of(kept, last=last, days=DAYS, source=SOURCE)
        value = median(values) if len(values) >= ENOUGH else None
        declared = METRICS[metric]
        name = f"median_{metric}"
        return [basis.figure(name, value, declared.unit, declared.decimals, needed=ENOUGH)]

    return figures
