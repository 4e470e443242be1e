"""The gateway's durable store: what is committed here is never lost, whatever is cut off.

SQLite in WAL with synchronous=FULL: a commit survives a power cut. A row is forgotten only on the
server's receipt, and kept 7 days after it, so that a server restored from a backup can ask again.
A spool of bounded size makes room before it is full, and declares what had to go for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from ingest.gateway import gaps, ranges, rows
from ingest.gateway.ledger import KEPT_AFTER_RECEIPT, Ledger
from ingest.gateway.ranges import Range, Ranges
from ingest.gateway.room import Room
from ingest.gateway.rows import Row

_FORGOTTEN_AT_ONCE = 2000
_WAL_BYTES = 4 * 1024 * 1024
_EVERY = 1 << 62

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS item (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS span (
    kind TEXT NOT NULL,
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (kind, low)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Status:
    """How a spool is: `share` of its size is taken by what waits, None where it has no bound."""

    given: int
    waiting: int
    bytes: int
    share: float | None
    oldest: datetime | None
    lost: int


class Spool:
    """One spool file; use one instance per thread, any number of processes may read it.

    `megabytes` bounds the file; a bound is for who puts.
    """

    def __init__(self, path: Path, megabytes: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        with ExitStack() as undo:
            undo.callback(self._db.close)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
            self._db.executescript(_SCHEMA)
            self._ledger = Ledger(self._db)
            self._room = Room(self._db, self._ledger, megabytes)
            self.epoch = self._epoch()
            undo.pop_all()

    def _epoch(self) -> UUID:
        with self._transaction():
            row = self._db.execute("SELECT epoch FROM spool").fetchone()
            if row is None:
                row = (str(uuid4()),)
                self._db.execute("INSERT INTO spool VALUES (?)", row)
        return UUID(row[0])

    @contextmanager
    def _unsynced(self) -> Iterator[None]:
        """Commit without waiting for the disk what a power cut may take with it.

        A receipt is said again and an old row is deleted again; neither may hold up a put.
        """
        self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            with self._transaction():
                yield
        finally:
            self._db.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit all or nothing; a disk that is full leaves no transaction open behind it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._room.search_again()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._begin_log_again()
            raise

    def _begin_log_again(self) -> None:
        # The log can't grow on a full disk, but what it has of the disk can be used again.
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def put(self, *bodies: bytes) -> None:
        """Commit items, all or none; when this returns they survive a power cut."""
        with self._transaction():
            self._room.make(sum(map(len, bodies)))
            self._db.executemany("INSERT INTO item (body) VALUES (?)", ((one,) for one in bodies))

    def newer(self, than: int, limit: int) -> list[Row]:
        """Return items without receipt after a number, in the order they came."""
        return rows.read(self._db, self._waiting(than + 1, _EVERY), limit)

    def older(self, than: int, limit: int) -> list[Row]:
        """Return items without receipt before a number, the newest first."""
        return rows.read(self._db, self._waiting(1, than - 1), limit, newest=True)

    def newest(self, limit: int) -> list[Row]:
        """Return the newest items, with or without receipt, the newest first."""
        return rows.read(self._db, ((1, self.given()),), limit, newest=True)

    def between(self, low: int, high: int) -> list[Row]:
        """Return items without receipt from one number to another."""
        return rows.read(self._db, self._waiting(low, high), high - low + 1)

    def missing(self) -> Ranges:
        """Return the numbers of all items without receipt."""
        return self._ledger.waiting()

    def _waiting(self, low: int, high: int) -> Ranges:
        return ranges.within(self._ledger.waiting(), low, high)

    def receipt(self, stored: Iterable[Range], now: datetime) -> bool:
        """Take the server's word for what it holds, all of it and nothing else.

        A server restored to an older point holds less than it once said: such items wait again,
        and the answer is true.
        """
        with self._unsynced():
            return self._ledger.told(ranges.merged(stored), now.date())

    def forget(self, now: datetime) -> bool:
        """Delete some of what was receipted 7 days ago or more; return whether there was any."""
        day = (now - KEPT_AFTER_RECEIPT).date()
        if not self._ledger.oldest_held(1, day):
            return False
        with self._unsynced():
            return self._room.forget(self._ledger.oldest_held(_FORGOTTEN_AT_ONCE, day))

    def declare(self) -> None:
        """Turn the account of what was let go into items, to be sent like any other."""
        found = self._db.execute("SELECT id, body FROM gap").fetchall()
        if not found:
            return
        with self._transaction():
            for number, body in self._db.execute("SELECT id, body FROM gap").fetchall():
                item = gaps.item(gaps.read(body))
                self._db.execute("INSERT INTO item (body) VALUES (?)", (item,))
                self._db.execute("DELETE FROM gap WHERE id = ?", (number,))

    def depth(self) -> int:
        """Return how many items wait for a receipt."""
        return ranges.count(self._ledger.waiting())

    def given(self) -> int:
        """Return how many items the spool was ever given."""
        return self._ledger.given()

    def status(self) -> Status:
        """Return what there is to say of the spool."""
        waiting, held = self.depth(), ranges.count(self._ledger.held())
        first = self.newer(0, 1)
        taken = self._room.share()
        return Status(
            given=self.given(),
            waiting=waiting,
            bytes=self._room.bytes(),
            share=None if taken is None else taken * waiting / max(1, waiting + held),
            oldest=gaps.kept(first[0][1]).captured_at if first else None,
            lost=ranges.count(self._ledger.gaps()),
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
