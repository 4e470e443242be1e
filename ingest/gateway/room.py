"""Room in a spool of a bounded size: what goes first when there is none, and never in silence.

First what the server holds, the oldest first. Then streams without receipt, the oldest first: they
are nearly all of the bytes, and one reading of a cuff outweighs an hour of them. Then whatever is
oldest, since on most stacks a frame that is refused is lost and leaves no trace, while an old one
that is let go leaves a gap with its numbers and times. A reserve of pages is never given to items:
receipts and gaps are always written, so that a full spool drains.
"""

from __future__ import annotations

import sqlite3

from ingest.gateway import gaps, ranges, rows
from ingest.gateway.ledger import Ledger
from ingest.gateway.ranges import Ranges
from ingest.gateway.rows import Row

RESERVE, QUANTUM = 64, 64
"""Pages kept for receipts and gaps, and pages freed at once: a put waits for no more than these."""

_ROWS_AT_ONCE = 200
_MEGABYTE = 1024 * 1024
_REASON = "spool_full"


class SpoolFull(sqlite3.OperationalError):
    """The spool has no room for an item, whatever it lets go."""


class Room:
    """The pages of one spool file, and what may be deleted to have some."""

    def __init__(self, db: sqlite3.Connection, ledger: Ledger, megabytes: int | None) -> None:
        self._db = db
        self._ledger = ledger
        self._page = self._pragma("page_size")
        self._pages = None if megabytes is None else megabytes * _MEGABYTE // self._page
        self._searched = 0
        if self._pages is not None:
            # The last word is SQLite's own: the file can't grow beyond it.
            self._db.execute(f"PRAGMA max_page_count={self._pages}")

    def bytes(self) -> int:
        """Return how much of the file is in use."""
        return self._used() * self._page

    def share(self) -> float | None:
        """Return how much of the size that items may have is in use, None without a bound."""
        return None if self._pages is None else self._used() / (self._pages - RESERVE)

    def _used(self) -> int:
        return self._pragma("page_count") - self._pragma("freelist_count")

    def make(self, size: int) -> None:
        """Make room for so many bytes, in the transaction that adds them."""
        if self._pages is None:
            return
        # A page is at worst half full: a row that does not fit the rest of one begins another.
        most = self._pages - RESERVE - (2 * size // self._page + 2)
        if self._used() <= most:
            return
        while self._used() > most - QUANTUM:
            if not (self._forget() or self._let_streams_go() or self._let_go()):
                break
        if self._used() > most:
            raise SpoolFull("the spool has no room for this, whatever it lets go")

    def search_again(self) -> None:
        """Take back what was passed over: a transaction that failed let nothing go."""
        self._searched = 0

    def forget(self, numbers: Ranges) -> bool:
        """Delete rows that the server holds; return whether there were any."""
        rows.delete(self._db, numbers)
        self._ledger.forget(numbers)
        return bool(numbers)

    def _forget(self) -> bool:
        return self.forget(self._ledger.oldest_held(_ROWS_AT_ONCE))

    def _let_streams_go(self) -> bool:
        """Let go some of the oldest frames of streams; what was passed over once stays so."""
        while found := self._oldest(self._searched):
            streams = [row for row in found if gaps.kept(row[1]).stream]
            self._searched = found[-1][0]
            if streams:
                self._lose(streams)
                return True
        return False

    def _let_go(self) -> bool:
        """Let go some of the oldest items; a declared gap is never one of them."""
        after = 0
        while found := self._oldest(after):
            items = [row for row in found if gaps.kept(row[1]).gap is None]
            after = found[-1][0]
            if items:
                self._lose(items)
                return True
        return False

    def _oldest(self, after: int) -> list[Row]:
        waiting = ranges.within(self._ledger.waiting(), after + 1, self._ledger.given())
        return rows.read(self._db, waiting, _ROWS_AT_ONCE)

    def _lose(self, lost: list[Row]) -> None:
        gap = gaps.of(lost, _REASON)
        rows.delete(self._db, gap.ranges)
        self._ledger.lose(gap.ranges)
        last = self._db.execute("SELECT id, body FROM gap ORDER BY id DESC LIMIT 1").fetchone()
        before = gaps.read(last[1]) if last else None
        if before is None or len(before.ranges) > gaps.RANGES_A_GAP:
            self._db.execute("INSERT INTO gap (body) VALUES (?)", (gaps.encode(gap),))
        else:
            whole = gaps.encode(gaps.together(before, gap))
            self._db.execute("UPDATE gap SET body = ? WHERE id = ?", (whole, last[0]))

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
