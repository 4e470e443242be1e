"""The rows of a spool by their numbers, as a few ranges name them."""

from __future__ import annotations

import sqlite3

from ingest.gateway.ranges import Ranges

Row = tuple[int, bytes]

_OLDEST_FIRST = "SELECT seq, body FROM item WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
_NEWEST_FIRST = "SELECT seq, body FROM item WHERE seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?"


def read(db: sqlite3.Connection, numbers: Ranges, limit: int, *, newest: bool = False) -> list[Row]:
    """Return rows of some numbers, from the oldest on or from the newest down."""
    query = _NEWEST_FIRST if newest else _OLDEST_FIRST
    found: list[Row] = []
    for low, high in reversed(numbers) if newest else numbers:
        found += db.execute(query, (low, high, limit - len(found)))
        if len(found) >= limit:
            break
    return found


def delete(db: sqlite3.Connection, numbers: Ranges) -> None:
    """Delete rows; their pages are free for others."""
    db.executemany("DELETE FROM item WHERE seq BETWEEN ? AND ?", numbers)
