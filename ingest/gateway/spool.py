"""The gateway's durable store: what is committed here is never lost, whatever is cut off.

SQLite in WAL with synchronous=FULL: a commit survives a power cut. A row is forgotten only on the
server's receipt, and kept 7 days after it, so that a server restored from a backup can ask again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

KEPT_AFTER_RECEIPT = timedelta(days=7)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS item (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL,
    sent_at REAL,
    receipted_at REAL
);
CREATE INDEX IF NOT EXISTS item_waiting ON item (seq) WHERE receipted_at IS NULL;
"""


class Spool:
    """One spool file; use one instance per thread, any number of processes may read it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self.epoch = self._epoch()

    def _epoch(self) -> UUID:
        self._db.execute("BEGIN IMMEDIATE")
        row = self._db.execute("SELECT epoch FROM spool").fetchone()
        if row is None:
            row = (str(uuid4()),)
            self._db.execute("INSERT INTO spool VALUES (?)", row)
        self._db.execute("COMMIT")
        return UUID(row[0])

    def put(self, *bodies: bytes) -> None:
        """Commit items, all or none; when this returns they survive a power cut."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO item (body) VALUES (?)", ((body,) for body in bodies))
        self._db.execute("COMMIT")

    def waiting(self, now: datetime, resend_after: float, limit: int) -> list[tuple[int, bytes]]:
        """Return items without receipt that were not sent lately, oldest first."""
        return self._db.execute(
            "SELECT seq, body FROM item WHERE receipted_at IS NULL"
            " AND (sent_at IS NULL OR sent_at < ?) ORDER BY seq LIMIT ?",
            (now.timestamp() - resend_after, limit),
        ).fetchall()

    def sent(self, seqs: Sequence[int], now: datetime) -> None:
        """Note that items were handed to the broker."""
        self._db.executemany(
            "UPDATE item SET sent_at = ? WHERE seq = ?", ((now.timestamp(), seq) for seq in seqs)
        )

    def unsent(self) -> None:
        """Forget what was handed to a broker that is gone: it may have kept none of it."""
        self._db.execute("UPDATE item SET sent_at = NULL WHERE receipted_at IS NULL")

    def receipt(self, ranges: Iterable[tuple[int, int]], now: datetime) -> None:
        """Take the server's word for what it holds, all of it and nothing else.

        A server restored to an older point holds less than it once said: such items wait again.
        """
        held = list(ranges)
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "UPDATE item SET receipted_at = ? WHERE seq BETWEEN ? AND ? AND receipted_at IS NULL",
            ((now.timestamp(), low, high) for low, high in held),
        )
        for low, high in _between(held):
            self._db.execute(
                "UPDATE item SET receipted_at = NULL, sent_at = NULL"
                " WHERE seq BETWEEN ? AND ? AND receipted_at IS NOT NULL",
                (low, high),
            )
        self._db.execute("COMMIT")

    def forget(self, now: datetime) -> None:
        """Delete what was receipted 7 days ago or more."""
        limit = (now - KEPT_AFTER_RECEIPT).timestamp()
        self._db.execute("DELETE FROM item WHERE receipted_at < ?", (limit,))

    def depth(self) -> int:
        """Return how many items wait for a receipt."""
        return int(
            self._db.execute("SELECT count(*) FROM item WHERE receipted_at IS NULL").fetchone()[0]
        )

    def given(self) -> int:
        """Return how many items the spool was ever given."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'item'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _between(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the gaps before, between and after closed ranges, as closed ranges."""
    edges = [0, *(edge for low, high in sorted(ranges) for edge in (low, high + 1)), 1 << 62]
    return [
        (low, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high
    ]
