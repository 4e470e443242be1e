"""Oxygen saturation: the usual value, the lowest, and how often it is low.

What the oximeter itself calls poor does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from statistics import mean, median, stdev

import polars as pl

from balise.model import Quality
from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

DAYS, ENOUGH = 7, 3
POOR = (
    Quality.POOR_SIGNAL
    | Quality.NO_CONTACT
    | Quality.SENSOR_FAULT
    | Quality.EARLY_ESTIMATE
    | Quality.QUESTIONABLE
)
LOW = Decimal(90)
"""Below it: the fixed limit of Cooper 2020 (10.2147/COPD.S256907)."""
SOURCE = "readings of 7 days that the oximeter calls good; low is below 90 %"


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return median, lowest and the share of readings below 90 %."""
    kept = readings.filter(of_period("oxygen_saturation", last, DAYS) & measured(POOR))
    values: list[Decimal] = kept["value"].to_list()
    basis = Basis.of(kept, last=last, days=DAYS, source=SOURCE)
    return [
        basis.figure(name, of(values) if len(values) >= ENOUGH else None, "%", 0, needed=ENOUGH)
        for name, of in (
            ("median_oxygen_saturation", median),
            ("lowest_oxygen_saturation", min),
            ("low_oxygen_saturation", _share_low),
        )
    ]


def _share_low(values: Sequence[Decimal]) -> Decimal:
    return Decimal(100 * sum(value < LOW for value in values)) / len(values)


def limit(days: Sequence[float]) -> float:
    """Return what a day after these is unusually low below: mean - 1.645 SD (Cooper 2020)."""
    return mean(days) - 1.645 * stdev(days)
