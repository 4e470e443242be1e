"""Readings into their table: copied where a series is all new, merged where it may not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import polars as pl
import psycopg

import sql
from balise.model import Reading
from sql import columns, placing
from sql.placing import Merged, Window
from sql.readings import SeriesKey, series

_SERIES = ("device", "metric", "position", "unit")
_STAGED_TYPES = (
    *("timestamptz", "timestamptz", "int8", "int4", "int4", "int4", "int8", "int2", "int2"),
    *("numeric", "numeric"),
)
_STAGED_SERIES = 3


def store(
    connection: psycopg.Connection,
    readings: Sequence[Reading],
    streamed: pl.DataFrame | None = None,
    zones: Mapping[int, str] | None = None,
    *,
    decoder: int,
) -> Merged:
    """Store readings and mark their windows; say how many were new, and what contradicts.

    `streamed` are more of them, in the columns of `devices.streams.READINGS`; `zones` are the
    time zones of patients.
    """
    wanted = {(one.device, one.metric, one.position, one.unit) for one in readings}
    if streamed is None or streamed.is_empty():
        number = series(connection, wanted)
        return _merged(connection, [_row(one, number, decoder) for one in readings])
    kinds = streamed.select(_SERIES).unique()
    number = series(connection, wanted.union(kinds.iter_rows()))
    rows = [_row(one, number, decoder) for one in readings]
    numbered = streamed.join(
        kinds.with_columns(series=pl.Series([number[key] for key in kinds.iter_rows()])),
        on=_SERIES,
    ).sort("series", "taken_at", "sequence")  # neighbours in the index lie beside each other
    return _copied(connection, rows, numbered, zones or {}, decoder=decoder)


def _row(one: Reading, number: Mapping[SeriesKey, int], decoder: int) -> tuple[Any, ...]:
    """Return a reading as it is staged."""
    return (
        one.stamped_at,
        one.taken_at,
        one.landing,
        number[one.device, one.metric, one.position, one.unit],
        one.sequence,
        one.subject,
        one.quality.value,
        one.item,
        decoder,
        one.value,
        None if one.sent == one.value else one.sent,
    )


def _copied(
    connection: psycopg.Connection,
    rows: Sequence[tuple[Any, ...]],
    ordered: pl.DataFrame,
    zones: Mapping[int, str],
    *,
    decoder: int,
) -> Merged:
    """Copy the series of which all is streamed and nothing known, merge the others with the rows.

    A copy takes half the time of a merge, but can't say which of two is the earlier. No key is of
    two series, so that the ways need not know of each other.
    """
    doubtful = {row[_STAGED_SERIES] for row in rows}.union(
        columns.repeated(ordered), columns.standing(connection, ordered)
    )
    to_merge = pl.col("series").is_in(doubtful)
    clean, others = ordered.filter(~to_merge), ordered.filter(to_merge)
    if clean.is_empty():
        return _merged(connection, rows, others, decoder=decoder)
    with suppress(psycopg.errors.UniqueViolation), connection.transaction():
        columns.write(connection, "readings.copy", columns.packed(clean, decoder=decoder))
        windows = columns.windows(clean, zones).rows()
        merged = _merged(connection, rows, others, windows=windows, decoder=decoder)
        landed = Counter(dict(clean.group_by("landing").len().iter_rows()))
        return Merged(merged.new + landed, merged.conflicting)
    return _merged(connection, rows, ordered, decoder=decoder)


def _merged(
    connection: psycopg.Connection,
    rows: Sequence[tuple[Any, ...]],
    streamed: pl.DataFrame | None = None,
    *,
    windows: Sequence[Window] = (),
    decoder: int = 0,
) -> Merged:
    """Merge readings: each is new, or a duplicate; mark their windows and these."""
    merged, touched = Merged(), list[Window]()
    count = len(rows) + (0 if streamed is None else streamed.height)
    if count:
        with placing.staged(connection):
            _stage(connection, rows, streamed, decoder=decoder)
            merged, touched = placing.merge(connection, count)
    placing.mark(connection, [*windows, *touched])
    return merged


def _stage(
    connection: psycopg.Connection,
    rows: Sequence[tuple[Any, ...]],
    streamed: pl.DataFrame | None,
    *,
    decoder: int,
) -> None:
    with connection.cursor().copy(sql.get("readings.copy_staged")) as copy:
        copy.set_types(_STAGED_TYPES)
        for row in rows:
            copy.write_row(row)
    if streamed is not None:
        columns.write(connection, "readings.copy_staged", columns.staged(streamed, decoder=decoder))
