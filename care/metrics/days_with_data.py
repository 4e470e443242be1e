"""On how many days of a month anything came: the plainest measure of whether it works at all.

France fixes no number; the American payer's are a known yardstick (CMS, calendar year 2026).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl

from care.metrics.figure import Basis, Figure, first_of
from care.readings import measured

DAYS = 30
SOURCE = "local days of 30 with any reading"
_YARDSTICKS = ((16, "99454"), (2, "99445"))


def yardstick(days: int) -> str:
    """Return the American payer's name for so many days of 30, "none" where it pays nothing."""
    return next((name for least, name in _YARDSTICKS if days >= least), "none")


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return how many of the 30 days have a reading; none at all is no figure."""
    in_period = pl.col("day").is_between(first_of(last, DAYS), last)
    kept = readings.filter(in_period & measured())
    basis = Basis.of(kept, last=last, days=DAYS, source=SOURCE)
    days = Decimal(basis.days_with_data) if basis.days_with_data else None
    return [basis.figure("days_with_data", days, "d", 0, needed=1)]
