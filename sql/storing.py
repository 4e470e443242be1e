"""Readings into their table: copied where all of them are new, merged where some may be known."""

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
from sql.placing import Merged
from sql.readings import SeriesKey, series

_SERIES = ("device", "metric", "position", "unit")
_STAGED_TYPES = (
    *("timestamptz", "timestamptz", "int8", "int4", "int4", "int4", "int8", "int2", "int2"),
    *("numeric", "numeric"),
)


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
        rows = [_row(one, number, decoder) for one in readings]
        return _merged(connection, rows) if rows else Merged()
    kinds = streamed.select(_SERIES).unique()
    number = series(connection, wanted.union(kinds.iter_rows()))
    rows = [_row(one, number, decoder) for one in readings]
    numbered = streamed.join(
        kinds.with_columns(series=pl.Series([number[key] for key in kinds.iter_rows()])),
        on=_SERIES,
    )
    copied = _copied(connection, rows, numbered, zones or {}, decoder=decoder)
    return copied or _merged(connection, rows, numbered, decoder=decoder)


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
    streamed: pl.DataFrame,
    zones: Mapping[int, str],
    *,
    decoder: int,
) -> Merged | None:
    """Copy what is streamed and merge the rows; where any of it is known, do nothing.

    A copy takes half the time of a merge, but can't say which of two is the earlier.
    """
    if columns.known(connection, streamed):
        return None
    with suppress(psycopg.errors.UniqueViolation), connection.transaction():
        columns.write(connection, "readings.copy", columns.packed(streamed, decoder=decoder))
        placing.mark(connection, columns.windows(streamed, zones).rows())
        new = _merged(connection, rows).new if rows else Counter[int]()
        if new.total() < len(rows):
            raise psycopg.Rollback
        landed = streamed.group_by("landing").len()
        return Merged(new + Counter(dict(landed.iter_rows())))
    return None


def _merged(
    connection: psycopg.Connection,
    rows: Sequence[tuple[Any, ...]],
    streamed: pl.DataFrame | None = None,
    *,
    decoder: int = 0,
) -> Merged:
    """Stage readings and merge them: each is new, or noted as a duplicate."""
    with placing.staged(connection):
        with connection.cursor().copy(sql.get("readings.copy_staged")) as copy:
            copy.set_types(_STAGED_TYPES)
            for row in rows:
                copy.write_row(row)
        if streamed is not None:
            columns.write(
                connection, "readings.copy_staged", columns.staged(streamed, decoder=decoder)
            )
        count = len(rows) + (0 if streamed is None else streamed.height)
        return placing.merge(connection, count)
