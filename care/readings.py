"""The frame rules and metrics work on: one patient's readings, exact, with their local day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

import polars as pl

from balise.model import Quality

EXACT = pl.Decimal(precision=38, scale=6)
"""Thresholds are compared in decimals: 64.4 - 62.4 > 2 is true in binary floats and false."""

LEFT_OUT = Quality.INVALID | Quality.TEST_DATA
"""What is no measurement, for whoever judges or sums up."""

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "metric": pl.String,
    "taken_at": pl.Datetime("us", "UTC"),
    "value": EXACT,
    "quality": pl.Int64,
    "series": pl.Int32,
    "stamped_at": pl.Datetime("us", "UTC"),
    "sequence": pl.Int32,
}

Row = tuple[str, datetime, Decimal, int, int, datetime, int]


def frame(rows: Iterable[Row], time_zone: str) -> pl.DataFrame:
    """Return readings that come a row each as rules and metrics want them."""
    return placed(pl.DataFrame(list(rows), schema=SCHEMA, orient="row"), time_zone)


def placed(readings: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return readings sorted by time, with `day` and `hour` in the patient's zone and their `key`.

    A key is `series/stamp/sequence`, the stamp in microseconds: what leads back to the bytes.
    """
    key = pl.format("{}/{}/{}", "series", pl.col("stamped_at").dt.epoch("us"), "sequence")
    local = pl.col("taken_at").dt.convert_time_zone(time_zone)
    return readings.with_columns(
        day=local.dt.date(), hour=local.dt.hour().cast(pl.Int32), key=key
    ).sort("taken_at", "key")


def measured(besides: Quality = Quality.NONE) -> pl.Expr:
    """Keep what is a measurement: neither invalid nor test data, nor of other qualities."""
    return pl.col("quality").and_((LEFT_OUT | besides).value) == 0


def daily_medians(readings: pl.DataFrame) -> dict[date, Decimal]:
    """Return the median of each local day, exact."""
    return {
        day: median(some["value"].to_list())
        for (day,), some in readings.partition_by("day", as_dict=True).items()
    }


def newest(days: Collection[date], today: date) -> date | None:
    """Return the last day measured, None where that is neither today nor yesterday."""
    last = max(days, default=None)
    return last if last and today - last <= timedelta(days=1) else None


def day_until(hour: int) -> pl.Expr:
    """Return the local day that lasts until an hour of the next: a night is of its evening."""
    of_night = pl.col("hour") < hour
    return pl.when(of_night).then(pl.col("day").dt.offset_by("-1d")).otherwise(pl.col("day"))
