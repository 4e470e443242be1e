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
            sql.get("rollups.readings_of_windows"),
            {
                "numbers": [window.number for window in windows],
                **_keys(windows),
                "stamped_from": [window.stamped_from for window in windows],
                "stamped_to": [window.stamped_to for window in windows],
                "day_start": [start for start, _ in bounds],
                "day_end": [end for _, end in bounds],
                "first": min(window.stamped_from for window in windows),
                "last": max(window.stamped_to for window in windows),
                "left_out": left_out,
            },
        )
        return _unpacked(cursor.fetchall())


def _unpacked(packs: Sequence[tuple[int, int, bytes, bytes]]) -> pl.DataFrame:
    """Turn packs of (window, device, times, values) into a row a reading."""
    times = np.frombuffer(b"".join(pack[2] for pack in packs), dtype=">i8").astype(np.int64)
    values = np.frombuffer(b"".join(pack[3] for pack in packs), dtype=">f8").astype(np.float64)
    n = [len(pack[2]) // times.itemsize for pack in packs]
    return pl.DataFrame(
        {
            "window": np.repeat(np.array([pack[0] for pack in packs], dtype=np.int32), n),
            "device": np.repeat(np.array([pack[1] for pack in packs], dtype=np.int32), n),
            "taken_at": pl.Series(times + EPOCH_2000).cast(pl.Datetime("us", "UTC")),
            "value": values,
        }
    )


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
