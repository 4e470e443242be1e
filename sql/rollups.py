"""Read windows to recompute, write their rollups, clear the marks: one transaction."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

import numpy as np
import polars as pl
import psycopg

import sql
from sql.binary import EPOCH_2000


@dataclass(frozen=True, slots=True)
class Window:
    """A patient's metric on one local day, with where its readings' stamps are.

    `number` is its place among those taken together.
    """

    number: int
    subject: int
    metric: str
    day: date
    generation: int
    stamped_from: datetime
    stamped_to: datetime
    time_zone: str


def waiting(connection: psycopg.Connection, at_once: int) -> Generator[list[Window], None, None]:
    """Yield windows that wait, some at a time.

    Each is locked when it is handed over, until the transaction ends: whoever stops early keeps
    nobody from the others.
    """
    numbers = count()
    with connection.cursor(name="waiting") as cursor:
        cursor.execute(sql.get("rollups.waiting"))
        while rows := cursor.fetchmany(at_once):
            yield [Window(number, *row) for row, number in zip(rows, numbers, strict=False)]
            if len(rows) < at_once:
                return


def readings(
    connection: psycopg.Connection,
    windows: Sequence[Window],
    bounds: Sequence[tuple[datetime, datetime]],
    *,
    left_out: int,
) -> pl.DataFrame:
    """Return window, device, taken_at and value of every reading of the windows, in no order."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            sql.get("rollups.readings_of_windows"), asked(windows, bounds, left_out=left_out)
        )
        packs = Packs(cursor.fetchall(), sizes_at=2)
    return pl.DataFrame(
        {
            "window": packs.each(0),
            "device": packs.each(1),
            "taken_at": packs.times(2),
            "value": packs.numbers(3, ">f8"),
        }
    )


def asked(
    windows: Sequence[Window], bounds: Sequence[tuple[datetime, datetime]], *, left_out: int
) -> dict[str, Any]:
    """Return what a query for the readings of windows is asked with."""
    return {
        "numbers": [window.number for window in windows],
        **_keys(windows),
        "stamped_from": [window.stamped_from for window in windows],
        "stamped_to": [window.stamped_to for window in windows],
        "day_start": [start for start, _ in bounds],
        "day_end": [end for _, end in bounds],
        "first": min(window.stamped_from for window in windows),
        "last": max(window.stamped_to for window in windows),
        "left_out": left_out,
    }


@dataclass(frozen=True, slots=True)
class Packs:
    """Rows of facts and of columns packed end to end, as a row a reading.

    `sizes_at` is the place of a packed column of eight bytes a reading.
    """

    rows: Sequence[tuple[Any, ...]]
    sizes_at: int

    def each(self, at: int, kind: type[pl.DataType] = pl.Int32) -> pl.Series:
        """Return a fact once a reading."""
        sizes = [len(row[self.sizes_at]) // 8 for row in self.rows]
        facts = pl.Series([row[at] for row in self.rows], dtype=kind)
        return facts.gather(np.repeat(np.arange(len(sizes)), sizes))

    def numbers(self, at: int, kind: str) -> Any:
        """Return a packed column of a type, such as `>f8`."""
        found = np.frombuffer(b"".join(row[at] for row in self.rows), dtype=kind)
        return found.astype(found.dtype.newbyteorder("="))

    def times(self, at: int) -> pl.Series:
        """Return a packed column of timestamptz."""
        return pl.Series(self.numbers(at, ">i8") + EPOCH_2000).cast(pl.Datetime("us", "UTC"))


def write(connection: psycopg.Connection, windows: Sequence[Window], rollups: pl.DataFrame) -> None:
    """Replace the windows' rollups, clear their marks, mark their subjects."""
    keys = _keys(windows)
    connection.execute(sql.get("rollups.clear_windows"), keys)
    with connection.cursor().copy(sql.get("rollups.copy_rollups")) as copy:
        copy.set_types(["int4", "text", "text", "timestamptz", "date", "int4", *["float8"] * 8])
        for row in rollups.iter_rows():
            copy.write_row(row)
    connection.execute(
        sql.get("rollups.done"),
        {**keys, "generations": [window.generation for window in windows]},
    )
    connection.execute(
        sql.get("rollups.mark_subjects"),
        {"subjects": sorted({window.subject for window in windows})},
    )


def _keys(windows: Sequence[Window]) -> dict[str, list[Any]]:
    return {
        "subjects": [window.subject for window in windows],
        "metrics": [window.metric for window in windows],
        "days": [window.day for window in windows],
    }
