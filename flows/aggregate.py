"""Windows with new readings to hourly and daily rollups: read, a pure function, write."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import polars as pl
import psycopg

from balise.metrics import METRICS, Rollup
from balise.model import Quality
from care import rollups as pure
from sql import rollups as store
from sql.rollups import Window

WINDOWS_AT_ONCE, READINGS_AT_ONCE = 2_000, 500_000
"""What one transaction takes: either bounds its memory and how long it holds its windows."""
_LOCKED_AT_ONCE = 20
_LEFT_OUT = (
    Quality.INVALID
    | Quality.SUMMARY_STATISTIC
    | Quality.TEST_DATA
    | Quality.NO_CONTACT
    | Quality.VALUE_STUCK
).value


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What an aggregate step did."""

    windows: int = 0
    readings: int = 0
    buckets: int = 0

    def __add__(self, other: Recomputed) -> Recomputed:
        return Recomputed(
            self.windows + other.windows,
            self.readings + other.readings,
            self.buckets + other.buckets,
        )


def recompute(connection: psycopg.Connection) -> Recomputed:
    """Recompute the rollups of windows that have new readings, some of them at a time."""
    with connection.transaction():
        windows, readings = _take(connection)
        if not windows:
            return Recomputed()
        rollups = pure.roll_up(readings, _frame(windows))
        store.write(connection, windows, rollups)
        return Recomputed(len(windows), readings.height, rollups.height)


def _take(connection: psycopg.Connection) -> tuple[list[Window], pl.DataFrame]:
    """Lock windows and read them, until there are enough of either windows or readings."""
    windows: list[Window] = []
    readings = pl.DataFrame(schema=pure.READINGS)
    with closing(store.waiting(connection, _LOCKED_AT_ONCE)) as portions:
        for portion in portions:
            windows += portion
            readings.extend(_read(connection, portion))
            if len(windows) >= WINDOWS_AT_ONCE or readings.height >= READINGS_AT_ONCE:
                break
    return windows, readings.rechunk()


def _read(connection: psycopg.Connection, windows: list[Window]) -> pl.DataFrame:
    rolled = [window for window in windows if METRICS[window.metric].rollup is not Rollup.NONE]
    if not rolled:
        return pl.DataFrame(schema=pure.READINGS)
    bounds = [pure.day_bounds(window.day, window.time_zone) for window in rolled]
    return store.readings(connection, rolled, bounds, left_out=_LEFT_OUT)


def _frame(windows: list[Window]) -> pl.DataFrame:
    rows = [
        (
            *(window.number, window.subject, window.metric, window.day, window.time_zone),
            *pure.day_bounds(window.day, window.time_zone),
        )
        for window in windows
    ]
    return pl.DataFrame(rows, schema=pure.WINDOWS, orient="row")
