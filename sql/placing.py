"""Staged readings into their tables: the first of a moment, and others of that moment beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg
from psycopg.rows import dict_row

import sql

# Patient, metric, local day, first stamp, last stamp, and last time where that is known.
Window = tuple[int, str, date, datetime, datetime, datetime | None]


@contextmanager
def staged(connection: psycopg.Connection) -> Iterator[None]:
    """Hold a private place for readings, a column a fact; it is for the caller to fill it."""
    connection.execute(sql.get("readings.stage"))
    connection.execute(sql.get("readings.stage_accepted"))
    yield
    connection.execute(sql.get("readings.unstage"))


@dataclass(frozen=True, slots=True)
class Merged:
    """How many readings were new, and how many came again with another value, by landing row."""

    new: Counter[int] = field(default_factory=Counter[int])
    conflicting: Counter[int] = field(default_factory=Counter[int])


def merge(connection: psycopg.Connection, count: int) -> tuple[Merged, list[Window]]:
    """Store what of so many staged readings is new, note what is not; the windows are to mark."""
    conflicting = Counter[int]()
    placed, span = _placed(connection, count)
    if placed < count:
        conflicting = _counted(connection.execute(sql.get("readings.note_duplicates"), span))
    windows = connection.execute(sql.get("readings.windows_of_accepted")).fetchall()
    new = _counted(connection.execute(sql.get("readings.count_accepted")))
    return Merged(new, conflicting), windows


def mark(connection: psycopg.Connection, windows: Sequence[Window]) -> None:
    """Mark windows: all of a transaction at once, so that they are locked in one order."""
    names = ("subjects", "metrics", "days", "stamped_from", "stamped_to", "last_at")
    if windows:
        columns = zip(*windows, strict=True)
        marks = {name: list(column) for name, column in zip(names, columns, strict=True)}
        connection.execute(sql.get("readings.mark_windows"), marks)


def place(connection: psycopg.Connection, count: int) -> int:
    """Store what of so many staged readings is new; return how many that is."""
    placed, _ = _placed(connection, count)
    return placed


def _placed(connection: psycopg.Connection, count: int) -> tuple[int, dict[str, datetime] | None]:
    """Return how many were new, and where not all were at once, between which times they are."""
    placed = connection.execute(sql.get("readings.place")).rowcount
    if placed == count:
        return placed, None
    with connection.cursor(row_factory=dict_row) as cursor:
        span = cursor.execute(sql.get("readings.span_of_staged")).fetchone()
    return placed + connection.execute(sql.get("readings.place_beside"), span).rowcount, span


def _counted(rows: Iterable[tuple[int, int]]) -> Counter[int]:
    return Counter(dict(rows))
