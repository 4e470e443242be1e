"""What became of every number a spool ever gave, as ranges: held, forgotten, or in a gap.

The rows themselves are only added and deleted, never changed: what the server holds is a few
ranges, so that a receipt for millions costs one small write on a card that wears out.
"""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta

from ingest.gateway import ranges
from ingest.gateway.ranges import Ranges

KEPT_AFTER_RECEIPT = timedelta(days=7)

_FORGOTTEN, _GAP = "forgotten", "gap"
"""Kinds of span beside the days on which the server said that it holds something."""


class Ledger:
    """The account of one spool file; whoever changes it is in a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def given(self) -> int:
        """Return how many items the spool was ever given: the numbers are dense."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'item'").fetchone()
        return int(row[0]) if row else 0

    def waiting(self) -> Ranges:
        """Return what is here and has no receipt."""
        given = self.given()
        every = ((1, given),) if given else ()
        return ranges.minus(every, ranges.merged(*self._spans().values()))

    def held(self) -> Ranges:
        """Return what the server holds and is still here."""
        return ranges.merged(*self._days().values())

    def gaps(self) -> Ranges:
        """Return what is gone without a receipt."""
        return self._spans().get(_GAP, ())

    def told(self, stored: Ranges, day: date) -> bool:
        """Take the server's word for what it holds; return whether that is less than before."""
        new = ranges.common(stored, self.waiting())
        if new:
            key = day.isoformat()
            self._write(key, ranges.merged(self._spans().get(key, ()), new))
        lost = ranges.minus(self.held(), stored)
        if lost:
            for key, held in self._days().items():
                self._write(key, ranges.minus(held, lost))
        return bool(lost)

    def oldest_held(self, limit: int, until: date | None = None) -> Ranges:
        """Return some numbers that the server holds, the longest since; of days before one."""
        for day, held in sorted(self._days().items()):
            if held and (until is None or day < until.isoformat()):
                low, high = held[0]
                return ((low, min(high, low + limit - 1)),)
        return ()

    def forget(self, numbers: Ranges) -> None:
        """Note that receipted rows are deleted."""
        for day, held in self._days().items():
            if ranges.common(held, numbers):
                self._write(day, ranges.minus(held, numbers))
        self._write(_FORGOTTEN, ranges.merged(self._spans().get(_FORGOTTEN, ()), numbers))

    def lose(self, numbers: Ranges) -> None:
        """Note that rows without receipt are deleted."""
        self._write(_GAP, ranges.merged(self.gaps(), numbers))

    def _days(self) -> dict[str, Ranges]:
        return {
            kind: held for kind, held in self._spans().items() if kind not in {_FORGOTTEN, _GAP}
        }

    def _spans(self) -> dict[str, Ranges]:
        found: dict[str, list[tuple[int, int]]] = {}
        for kind, low, high in self._db.execute("SELECT kind, low, high FROM span ORDER BY low"):
            found.setdefault(kind, []).append((low, high))
        return {kind: tuple(spans) for kind, spans in found.items()}

    def _write(self, kind: str, spans: Ranges) -> None:
        """Write what changed of one kind."""
        before = set(self._spans().get(kind, ()))
        self._db.executemany(
            "DELETE FROM span WHERE kind = ? AND low = ?",
            ((kind, low) for low, _ in before.difference(spans)),
        )
        self._db.executemany(
            "INSERT INTO span VALUES (?, ?, ?)",
            ((kind, *one) for one in set(spans) - before),
        )
