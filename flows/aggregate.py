"""Windows with new readings to hourly and daily rollups: read, a pure function, write."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

import polars as pl
import psycopg

from balise.metrics import METRICS, Rollup
from balise.model import Quality
from care import findings
from care import rollups as pure
from flows import sources
from sql import preferred
from sql import rollups as store
from sql import sources as sources_store
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


@dataclass(slots=True)
class _Taken:
    """Windows and their readings; those of windows that are `compared` are told apart by key."""

    windows: list[Window] = field(default_factory=list[Window])
    readings: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=pure.READINGS))
    compared: list[Window] = field(default_factory=list[Window])
    keyed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=findings.READINGS))

    @property
    def height(self) -> int:
        """How many readings there are."""
        return self.readings.height + self.keyed.height


def recompute(connection: psycopg.Connection) -> Recomputed:
    """Recompute the rollups of windows that have new readings, some of them at a time."""
    sources_store.recheck(connection)
    with connection.transaction():
        taken = _take(connection)
        if not taken.windows:
            return Recomputed()
        told = sources.judge(connection, taken.compared, taken.keyed)
        windows = _frame(taken.windows)
        rollups = pure.roll_up(taken.readings.vstack(_counted(told, windows)), windows)
        store.write(connection, taken.windows, rollups)
        sources.write(connection, taken.windows, told)
        return Recomputed(len(taken.windows), taken.height, rollups.height)


def _take(connection: psycopg.Connection) -> _Taken:
    """Lock windows and read them, until there are enough of either windows or readings."""
    taken = _Taken()
    preferred.hold(connection)
    with closing(store.waiting(connection, _LOCKED_AT_ONCE)) as portions:
        for portion in portions:
            _add(connection, taken, portion)
            if len(taken.windows) >= WINDOWS_AT_ONCE or taken.height >= READINGS_AT_ONCE:
                break
    taken.readings = taken.readings.rechunk()
    return taken


def _add(connection: psycopg.Connection, taken: _Taken, portion: list[Window]) -> None:
    compared = sources.compared(connection, portion)
    numbers = {window.number for window in compared}
    plain = [window for window in portion if window.number not in numbers]
    taken.windows += portion
    taken.compared += compared
    taken.readings.extend(_read(connection, plain))
    taken.keyed.extend(sources.read(connection, compared, left_out=_LEFT_OUT))


def _counted(told: sources.Told, windows: pl.DataFrame) -> pl.DataFrame:
    """Return the compared readings that count, as those that needed no comparison are."""
    rolled = [name for name, metric in METRICS.items() if metric.rollup is not Rollup.NONE]
    return (
        told.counted.filter(pl.col("metric").is_in(rolled))
        .join(windows, on=["subject", "metric", "day"])
        .select(pure.READINGS.keys())
    )


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
