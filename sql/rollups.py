"""Read windows to recompute, write their rollups, clear the marks: one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

import sql


@dataclass(frozen=True, slots=True)
class Window:
    """A patient's metric on one local day, with where its readings' stamps are."""

    subject: int
    metric: str
    day: date
    generation: int
    stamped_from: datetime
    stamped_to: datetime
    time_zone: str


def take(connection: psycopg.Connection, limit: int) -> list[Window]:
    """Return windows that wait, locked until the transaction ends."""
    rows = connection.execute(sql.get("rollups.take_windows"), {"limit": limit})
    return [Window(*row) for row in rows]


def readings(
    connection: psycopg.Connection,
    windows: Sequence[Window],
    bounds: Sequence[tuple[datetime, datetime]],
    *,
    left_out: int,
) -> list[tuple[Any, ...]]:
    """Return (subject, metric, day, taken_at, value) of every reading of the windows."""
    return connection.execute(
        sql.get("rollups.readings_of_windows"),
        {
            **_keys(windows),
            "stamped_from": [window.stamped_from for window in windows],
            "stamped_to": [window.stamped_to for window in windows],
            "day_start": [start for start, _ in bounds],
            "day_end": [end for _, end in bounds],
            "left_out": left_out,
        },
    ).fetchall()


def write(
    connection: psycopg.Connection, windows: Sequence[Window], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Replace the windows' rollups, clear their marks, mark their subjects."""
    keys = _keys(windows)
    connection.execute(sql.get("rollups.clear_windows"), keys)
    with connection.cursor().copy(sql.get("rollups.copy_rollups")) as copy:
        copy.set_types(["int4", "text", "text", "timestamptz", "date", "int4", *["float8"] * 8])
        for row in rows:
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
