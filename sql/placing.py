"""Staged readings into their tables: the first of a moment, and others of that moment beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import dict_row

import sql


@contextmanager
def staged(connection: psycopg.Connection) -> Iterator[None]:
    """Hold a private place for readings, a column a fact; it is for the caller to fill it."""
    connection.execute(sql.get("readings.stage"))
    connection.execute(sql.get("readings.stage_accepted"))
    yield
    connection.execute(sql.get("readings.unstage"))


def merge(connection: psycopg.Connection, count: int) -> Counter[int]:
    """Store what of so many staged readings is new, note what is not, mark windows.

    Return how many were new by landing row.
    """
    if place(connection, count) < count:
        connection.execute(sql.get("readings.note_duplicates"))
    connection.execute(sql.get("readings.mark_accepted"))
    return Counter(dict(connection.execute(sql.get("readings.count_accepted")).fetchall()))


def place(connection: psycopg.Connection, count: int) -> int:
    """Store what of so many staged readings is new; return how many that is."""
    placed = connection.execute(sql.get("readings.place")).rowcount
    if placed < count:
        with connection.cursor(row_factory=dict_row) as cursor:
            span = cursor.execute(sql.get("readings.span_of_staged")).fetchone()
        placed += connection.execute(sql.get("readings.place_beside"), span).rowcount
    return placed
