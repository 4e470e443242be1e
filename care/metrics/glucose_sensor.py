"""For how long each reading of a glucose sensor stands: until the sensor measures again.

Sensors measure every minute, every 5 or every 15, and one patient may wear one after the other: how
often is told by the readings of each series and day, not by a table.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

USUAL, LEAST, MOST = timedelta(minutes=5), timedelta(minutes=1), timedelta(minutes=15)
"""What a reading stands for where too few tell, and between what it may."""
GAP = timedelta(minutes=45)
"""Nothing is supposed of what lies between readings further apart."""
_FEWEST = 12
"""Distances of a day, or of a series, without which they don't tell."""
_OFTEN = 0.4
"""Where among the distances the sensor's own is: one that loses half of its readings has longer
ones, one that somebody scans twenty times a day has shorter ones, and neither are two fifths."""
_MINUTE = 60_000_000


def standing(readings: pl.DataFrame) -> pl.DataFrame:
    """Return a sensor's readings in the order of time, each with the `step` it stands for."""
    apart = pl.col("taken_at").diff().over("series").dt.total_microseconds().alias("apart")
    gaps = (
        readings.sort("series", "taken_at")
        .with_columns(apart)
        .filter(pl.col("apart").is_between(1, GAP / timedelta(microseconds=1)))
    )
    return (
        readings.join(_own(gaps, "series", "day"), on=["series", "day"], how="left")
        .join(_own(gaps, "series"), on="series", how="left", suffix="_of_all")
        .with_columns(step=_rounded(pl.coalesce("own", "own_of_all")))
        .drop("own", "own_of_all")
        .sort("taken_at", "key")
    )


def _own(gaps: pl.DataFrame, *by: str) -> pl.DataFrame:
    own = pl.col("apart").quantile(_OFTEN, "lower").alias("own")
    told = gaps.group_by(by).agg(own, pl.len().alias("told"))
    return told.filter(pl.col("told") >= _FEWEST).drop("told")


def _rounded(apart: pl.Expr) -> pl.Expr:
    """Return whole minutes between the least and the most; what is not told is the usual."""
    least, usual, most = (one / timedelta(minutes=1) for one in (LEAST, USUAL, MOST))
    minutes = (apart / _MINUTE).round().fill_null(usual).clip(least, most)
    return (minutes * _MINUTE).cast(pl.Int64).cast(pl.Duration("us"))


def covered(standing: pl.DataFrame) -> timedelta:
    """Return for how long a sensor was active: each reading's step, or until the next reading.

    Two streams of one time count once.
    """
    until_next = pl.col("taken_at").diff().shift(-1)
    total = standing.select(pl.min_horizontal(until_next, "step").sum()).item()
    return total if isinstance(total, timedelta) else timedelta()
