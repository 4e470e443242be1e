"""Readings to hourly and daily figures, in the patient's own days: pure polars."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

READINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
    "taken_at": pl.Datetime("us", "UTC"),
    "value": pl.Float64,
}
"""What comes in: explicit, since an inferred schema has turned 5.6 into 5."""

_KEYS = ["subject", "metric", "day"]


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return when a local day begins and ends, in UTC: 23, 24 or 25 hours apart."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return start, end


def roll_up(readings: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return the hourly and daily rollups of one time zone's readings.

    `coverage` is the share of a day's hours that have a reading, or of an hour's minutes.
    """
    ordered = readings.sort("taken_at")
    local = pl.col("taken_at").dt.convert_time_zone(time_zone)
    hours = ordered.with_columns(bucket=local.dt.truncate("1h"))
    days = ordered.with_columns(bucket=local.dt.truncate("1d"))
    minutes = pl.col("taken_at").dt.truncate("1m").n_unique() / 60
    hours_of_day = (
        pl.col("bucket").first().dt.offset_by("1d") - pl.col("bucket").first()
    ).dt.total_hours()
    covered = pl.col("taken_at").dt.truncate("1h").n_unique() / hours_of_day
    return pl.concat(
        [
            _figures(hours, minutes).with_columns(size=pl.lit("hour")),
            _figures(days, covered).with_columns(size=pl.lit("day")),
        ]
    )


def _figures(readings: pl.DataFrame, coverage: pl.Expr) -> pl.DataFrame:
    value = pl.col("value")
    return (
        readings.group_by(*_KEYS, "bucket", maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int32),
            min=value.min(),
            max=value.max(),
            mean=value.mean(),
            median=value.median(),
            sum=value.sum(),
            first=value.first(),
            last=value.last(),
            coverage=coverage.cast(pl.Float64),
        )
        .with_columns(bucket_start=pl.col("bucket").dt.convert_time_zone("UTC"))
        .drop("bucket")
    )
