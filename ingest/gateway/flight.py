"""What is on its way from a spool: sent, and not yet said to be stored.

Kept in memory alone: after a restart everything without receipt is sent again, and what arrives
twice is a duplicate. What is new goes first and the backlog follows from its newest end, so that a
clinician has today before the day the line broke, and no reading waits behind a month of others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ingest.gateway import ranges
from ingest.gateway.ranges import Ranges
from ingest.gateway.rows import Row
from ingest.gateway.spool import Spool

ITEMS_A_MESSAGE = 100
BYTES_A_MESSAGE = 48 * 1024  # well under the broker's max_packet_size
BACKLOG_MESSAGES, MOST_MESSAGES = 100, 200
"""Messages without receipt beyond which the backlog waits, and beyond which everything does."""
_MOST_DOUBLINGS = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """One message's span of numbers, and when it is sent again."""

    low: int
    high: int
    again_at: float
    tries: int = 0


class Flight:
    """Chooses what a spool sends next; `patience` is the seconds until a receipt is missed."""

    def __init__(self, spool: Spool, patience: float) -> None:
        self._spool = spool
        self._patience = patience
        self._sent: deque[Sent] = deque()
        self._start_over_at: float | None = None
        self.start_over()

    def start_over(self) -> None:
        """Take nothing for sent: the broker that had it is gone, or may be."""
        self._sent.clear()
        self._newest = self._spool.given()
        self._oldest = self._newest + 1
        self._start_over_at = None

    @property
    def newest(self) -> int:
        """The highest number that was ever given out; what follows lower ones is a backlog."""
        return self._newest

    def lost(self, now: float) -> None:
        """Send again what the server holds no more, unless another receipt says otherwise soon.

        Of several receivers an older answer may come after a newer one.
        """
        if self._start_over_at is None:
            self._start_over_at = now + self._patience

    def landed(self, waiting: Ranges) -> None:
        """Take off what waits for a receipt no more."""
        self._sent = deque(one for one in self._sent if ranges.within(waiting, one.low, one.high))

    def next(self, now: float) -> list[Row]:
        """Return the items of the next message, none where there is nothing to send now."""
        if self._start_over_at is not None and now >= self._start_over_at:
            self.start_over()
        again = self._again(now)
        if again or len(self._sent) >= MOST_MESSAGES:
            return again
        fresh = _fill(self._spool.newer(self._newest, ITEMS_A_MESSAGE))
        if fresh:
            self._newest = fresh[-1][0]
        elif len(self._sent) < BACKLOG_MESSAGES:
            fresh = _fill(self._spool.older(self._oldest, ITEMS_A_MESSAGE))[::-1]
            self._oldest = fresh[0][0] if fresh else 0
        self._note(fresh, now)
        return fresh

    def _again(self, now: float) -> list[Row]:
        """Return a message whose receipt was missed, each time after twice the patience."""
        late = next((one for one in self._sent if one.again_at <= now), None)
        if late is None:
            return []
        self._sent.remove(late)
        items = self._spool.between(late.low, late.high)
        self._note(items, now, min(late.tries + 1, _MOST_DOUBLINGS))
        return items

    def _note(self, items: list[Row], now: float, tries: int = 0) -> None:
        if items:
            again_at = now + self._patience * (1 << tries)
            self._sent.append(Sent(items[0][0], items[-1][0], again_at, tries))


def _fill(items: list[Row]) -> list[Row]:
    """Return as many items as go into one message; the first goes whatever its size."""
    size = 0
    for count, (_, body) in enumerate(items):
        size += len(body)
        if size > BYTES_A_MESSAGE and count:
            return items[:count]
    return items
