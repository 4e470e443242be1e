"""Readings to hourly and daily figures, in the patient's own days: pure polars."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

READINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "window": pl.Int32,
    "device": pl.Int32,
    "taken_at": pl.Datetime("us", "UTC"),
    "value": pl.Float64,
}
"""What comes in: explicit, since an inferred schema has turned 5.6 into 5."""

WINDOWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "window": pl.Int32,
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
    "time_zone": pl.String,
    "start": pl.Datetime("us", "UTC"),
    "end": pl.Datetime("us", "UTC"),
}
"""A patient's metric on a local day; readings name theirs by its number, which is small."""

ROLLUPS: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.Int32,
    "metric": pl.String,
    "size": pl.String,
    "bucket_start": pl.Datetime("us", "UTC"),
    "day": pl.Date,
    "n": pl.Int32,
    **dict.fromkeys(("min", "max", "mean", "median", "sum", "first", "last"), pl.Float64),
    "coverage": pl.Float64,
}
"""What goes out: a row an hour and a day that has readings."""


@lru_cache(maxsize=4096)
def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return when a local day begins and ends, in UTC: 23, 24 or 25 hours apart."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return start, end


def roll_up(readings: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Return the hourly and daily rollups of windows, in the order of the windows.

    `coverage` is the share of a day's hours that have a reading, or of an hour's minutes.
    """
    placed = pl.concat(
        _with_hours(readings.join(some, on="window", how="semi"), str(zone))
        for (zone,), some in windows.group_by("time_zone", maintain_order=True)
    )
    # A sum of floats depends on the order of its terms, which must not be that of arrival.
    ordered = placed.sort("window", "taken_at", "value")
    minutes = pl.col("taken_at").dt.truncate("1m").n_unique() / 60
    hours = _figures(ordered, ["window", "hour"], minutes).join(windows, on="window")
    days = _figures(ordered, ["window"], pl.col("hour").n_unique()).join(windows, on="window")
    # Lord Howe's days of 23 and a half and of 24 and a half hours have 24 local ones: half to even.
    hours_of_day = ((pl.col("end") - pl.col("start")).dt.total_minutes() / 60).round()
    return pl.concat(
        [
            hours.select(*_columns("hour", pl.col("hour"), pl.col("coverage"))),
            days.select(*_columns("day", pl.col("start"), pl.col("coverage") / hours_of_day)),
        ]
    )


def _with_hours(readings: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Add when each reading's local hour began.

    Local time is asked once a quarter of an hour: zones differ by whole quarters.
    """
    quarter = pl.col("taken_at").dt.truncate("15m")
    quarters = readings.select(quarter.unique())["taken_at"]
    hours = quarters.dt.convert_time_zone(time_zone).dt.truncate("1h").dt.convert_time_zone("UTC")
    return readings.with_columns(hour=quarter.replace_strict(quarters, hours))


def _figures(readings: pl.DataFrame, keys: list[str], coverage: pl.Expr) -> pl.DataFrame:
    value = pl.col("value")
    return readings.group_by(keys, maintain_order=True).agg(
        n=pl.len(),
        min=value.min(),
        max=value.max(),
        mean=value.mean(),
        median=value.median(),
        sum=value.sum(),
        first=value.first(),
        last=value.last(),
        coverage=coverage,
    )


def _columns(size: str, bucket_start: pl.Expr, coverage: pl.Expr) -> list[pl.Expr]:
    given = {
        "size": pl.lit(size),
        "bucket_start": bucket_start,
        "coverage": coverage.clip(upper_bound=1),
    }
    return [given.get(name, pl.col(name)).cast(kind).alias(name) for name, kind in ROLLUPS.items()]
