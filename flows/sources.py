"""Which readings of windows count, and what stands out in them: pure functions between two reads.

Most windows have one device and a metric that may change at once: of those nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl
import psycopg

from care import findings, sources
from care.pathways import PATHWAYS
from care.rollups import day_bounds
from care.sources import Declared
from devices.called import called
from sql import preferred
from sql import sources as store
from sql.rollups import Window
from sql.sources import Judged, Place


@dataclass(frozen=True, slots=True)
class Told:
    """What was made of windows: the readings that count, and what is to be stored beside."""

    counted: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=findings.READINGS))
    judged: Judged = field(default_factory=Judged)


def compared(connection: psycopg.Connection, windows: Sequence[Window]) -> list[Window]:
    """Return the windows whose readings are compared: with another device's, or in time."""
    several = store.several(connection, windows)
    return [
        window
        for window in windows
        if window.metric in findings.CHANGES or (window.subject, window.metric) in several
    ]


def read(
    connection: psycopg.Connection, windows: Sequence[Window], *, left_out: int
) -> pl.DataFrame:
    """Return the readings of windows as `findings.READINGS` has them."""
    if not windows:
        return pl.DataFrame(schema=findings.READINGS)
    bounds = [day_bounds(window.day, window.time_zone) for window in windows]
    readings = store.readings(connection, windows, bounds, left_out=left_out)
    return readings.select(pl.col(name).cast(kind) for name, kind in findings.READINGS.items())


def judge(
    connection: psycopg.Connection, windows: Sequence[Window], readings: pl.DataFrame
) -> Told:
    """Return what counts of the readings of windows, whole as `findings.READINGS` has them."""
    if not windows:
        return Told()
    chosen = sources.choose(readings, _declared(connection, readings))
    before, held = _lasts(connection, windows)
    ordered = findings.in_order(readings, before)
    found = pl.concat([findings.rate_of_change(ordered), findings.cross_source(readings, chosen)])
    lasts = findings.last_of(ordered)
    return Told(
        findings.counted(sources.counted(readings, chosen), found),
        Judged(
            sources=chosen.iter_rows(),
            findings=found.iter_rows(),
            lasts=lasts.drop("quality").iter_rows(),
            recheck=_next(windows, findings.moved(held, lasts)),
        ),
    )


def _declared(connection: psycopg.Connection, readings: pl.DataFrame) -> dict[int, Declared]:
    found = preferred.known(connection, readings["subject"].unique().to_list())
    return {
        subject: Declared(
            chosen=one.chosen,
            pathway=PATHWAYS[one.pathway].sources,
            devices={device: called(*said) for device, said in one.devices.items()},
        )
        for subject, one in found.items()
    }


def _lasts(
    connection: psycopg.Connection, windows: Sequence[Window]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the last readings of the windows before these, and of these as they are stored."""
    places = [_place(window) for window in windows]
    around = [findings.days_around(window.metric) for window in windows]
    rows = store.lasts(connection, places, around)
    stored = pl.DataFrame(rows, schema=findings.READINGS, orient="row")
    own = pl.DataFrame(places, schema=findings.PLACES, orient="row")
    return (
        stored.join(own, on=findings.WINDOW, how="anti"),
        stored.join(own, on=findings.WINDOW, how="semi"),
    )


def _next(windows: Sequence[Window], moved: set[Place]) -> list[Place]:
    """Return the windows after those with another last reading, but for those judged with them."""
    own = {_place(window) for window in windows}
    after = {
        (subject, metric, day + timedelta(days=days))
        for subject, metric, day in moved
        for days in range(1, findings.days_around(metric) + 1)
    }
    return sorted(after - own)


def write(connection: psycopg.Connection, windows: Sequence[Window], told: Told) -> None:
    """Replace what is stored of windows, those too of which nothing is told any more."""
    store.write(connection, [_place(window) for window in windows], told.judged)


def _place(window: Window) -> Place:
    return window.subject, window.metric, window.day
