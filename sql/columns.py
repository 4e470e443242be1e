"""Readings in columns on their way to the database: straight into their table, or staged.

The columns are those of `devices.streams.READINGS` with `series`, its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import psycopg

import sql
from sql import binary
from sql.binary import Column, Ints
from sql.packing import ITEM_SHIFT, LANDING_SHIFT

MICROSECONDS = pl.col("taken_at").dt.epoch("us")


def packed(readings: pl.DataFrame, *, decoder: int) -> Sequence[Column]:
    """Return the columns of `packed_reading`; neighbours in the index lie beside each other."""
    ordered = readings.sort("series", "taken_at", "sequence")
    item = pl.col("item").cast(pl.Int64)
    source = pl.col("landing") * 2**LANDING_SHIFT + item * 2**ITEM_SHIFT + decoder
    return [
        binary.timestamptz(_ints(ordered, MICROSECONDS)),
        binary.Integer(_ints(ordered, source), 8),
        binary.Integer(_ints(ordered, "series"), 4),
        binary.Integer(_ints(ordered, "sequence"), 4),
        binary.Integer(_ints(ordered, "subject"), 4),
        _value(ordered),
        binary.numeric(*_ints_and_zeros(ordered, "quality"), zero_is_null=True),
        binary.Null(ordered.height),
    ]


def staged(readings: pl.DataFrame, *, decoder: int) -> Sequence[Column]:
    """Return the columns of the table that readings are staged in."""
    stamped_at = binary.timestamptz(_ints(readings, MICROSECONDS))
    return [
        stamped_at,
        stamped_at,
        binary.Integer(_ints(readings, "landing"), 8),
        binary.Integer(_ints(readings, "series"), 4),
        binary.Integer(_ints(readings, "sequence"), 4),
        binary.Integer(_ints(readings, "subject"), 4),
        binary.Integer(_ints(readings, "quality"), 8),
        binary.Integer(_ints(readings, "item"), 2),
        binary.Integer(np.full(readings.height, decoder, dtype=np.int64), 2),
        _value(readings),
        binary.Null(readings.height),
    ]


def _ints(readings: pl.DataFrame, column: str | pl.Expr) -> Ints:
    expression = pl.col(column) if isinstance(column, str) else column
    return readings.select(expression.cast(pl.Int64)).to_series().to_numpy()


def _ints_and_zeros(readings: pl.DataFrame, column: str) -> tuple[Ints, Ints]:
    values = _ints(readings, column)
    return values, values * 0


def _value(readings: pl.DataFrame) -> binary.Numeric:
    return binary.numeric(_ints(readings, "mantissa"), _ints(readings, "exponent"))


def write(connection: psycopg.Connection, query: str, columns: Sequence[Column]) -> None:
    """Write columns by the binary COPY of a name."""
    with connection.cursor().copy(sql.get(query)) as copy:
        for block in binary.copy(columns):
            copy.write(block)


def known(connection: psycopg.Connection, readings: pl.DataFrame) -> bool:
    """Say whether the first reading of any series here is stored already: a stream sent again.

    COPY knows no ON CONFLICT: one that fails costs as much as one that doesn't.
    """
    first = readings.group_by("series").agg(pl.col("taken_at").min())
    row = connection.execute(
        sql.get("readings.any_stands"),
        {
            "series": first["series"].to_list(),
            "stamped_at": first["taken_at"].to_list(),
            "stamped_from": first["taken_at"].min(),
            "stamped_to": first["taken_at"].max(),
        },
    ).fetchone()
    return bool(row and row[0])


WINDOWS = ("subject", "metric", "day")


def windows(readings: pl.DataFrame, zones: Mapping[int, str]) -> pl.DataFrame:
    """Return the patients' days that readings are of, by the first and last of each."""
    zoned = readings.with_columns(
        zone=pl.col("subject").replace_strict(zones, return_dtype=pl.String)
    )
    return pl.concat(
        some.group_by("subject", "metric", _day(zone)).agg(
            stamped_from=pl.col("taken_at").min(), stamped_to=pl.col("taken_at").max()
        )
        for (zone,), some in zoned.partition_by("zone", as_dict=True).items()
    ).sort(WINDOWS)


def _day(zone: str) -> pl.Expr:
    return pl.col("taken_at").dt.convert_time_zone(zone).dt.date().alias("day")


def mark(connection: psycopg.Connection, windows: pl.DataFrame) -> None:
    """Mark windows as behind their readings."""
    connection.execute(
        sql.get("readings.mark_windows"),
        {name: windows[name].to_list() for name in (*WINDOWS, "stamped_from", "stamped_to")},
    )
