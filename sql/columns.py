"""Readings in columns on their way to the database: straight into their table, or staged.

The columns are those of `devices.streams.READINGS` with `series`, its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import psycopg

import sql
from sql import binary, packing
from sql.binary import Column, Ints

MICROSECONDS = pl.col("taken_at").dt.epoch("us")


def packed(readings: pl.DataFrame, *, decoder: int) -> Sequence[Column]:
    """Return the columns of `packed_reading`."""
    landing, item = _ints(readings, "landing"), _ints(readings, "item")
    # The largest of them says whether there is room for all.
    packing.source(int(landing.max()), int(item.max()), decoder)
    source = landing << packing.LANDING_SHIFT | item << packing.ITEM_SHIFT | decoder
    return [
        binary.timestamptz(_ints(readings, MICROSECONDS)),
        binary.Integer(source, 8),
        binary.Integer(_ints(readings, "series"), 4),
        binary.Integer(_ints(readings, "sequence"), 4),
        binary.Integer(_ints(readings, "subject"), 4),
        _value(readings),
        binary.numeric(*_ints_and_zeros(readings, "quality"), zero_is_null=True),
        binary.Null(readings.height),
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


def repeated(ordered: pl.DataFrame) -> list[int]:
    """Return the series that have two readings of one moment here, in readings in order of both."""
    same = [pl.col(one) == pl.col(one).shift() for one in ("series", "taken_at")]
    return ordered.filter(*same)["series"].unique().to_list()


def standing(connection: psycopg.Connection, readings: pl.DataFrame) -> list[int]:
    """Return the series whose first reading here is stored already: they are sent again.

    COPY knows no ON CONFLICT: one that fails costs as much as one that doesn't.
    """
    first = readings.group_by("series").agg(pl.col("taken_at").min())
    held = connection.execute(
        sql.get("readings.standing"),
        {
            "series": first["series"].to_list(),
            "stamped_at": first["taken_at"].to_list(),
            "stamped_from": first["taken_at"].min(),
            "stamped_to": first["taken_at"].max(),
        },
    )
    return [number for (number,) in held]


def windows(readings: pl.DataFrame, zones: Mapping[int, str]) -> pl.DataFrame:
    """Return the windows that readings are of, as `placing.mark` takes them."""
    zoned = readings.with_columns(
        zone=pl.col("subject").replace_strict(zones, return_dtype=pl.String)
    )
    return pl.concat(
        some.group_by("subject", "metric", _day(zone)).agg(
            stamped_from=pl.col("taken_at").min(),
            stamped_to=pl.col("taken_at").max(),
            last_at=pl.col("taken_at").max(),
        )
        for (zone,), some in zoned.partition_by("zone", as_dict=True).items()
    )


def _day(zone: str) -> pl.Expr:
    return pl.col("taken_at").dt.convert_time_zone(zone).dt.date().alias("day")
