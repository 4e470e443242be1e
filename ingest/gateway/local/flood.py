"""A device at home that says a thousand times too much: the rest of it is counted, not kept.

The spool has a bound, and what fills it displaces others' measurements. What is let go is declared
as a gap, once a minute, and ends on the server as one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from devices.payloads.balise_v1 import Gap

AT_ONCE, A_SECOND = 600.0, 5.0
"""Messages a device may say at once, and as many again in each second after that."""
_SECONDS = 60.0


@dataclass(slots=True)
class _Bucket:
    left: float = AT_ONCE
    at: float = field(default_factory=time.monotonic)

    def takes(self, now: float) -> bool:
        self.left = min(AT_ONCE, self.left + (now - self.at) * A_SECOND)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Flood:
    """What each device may say, and what it said beyond that."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lost: dict[str, int] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._due = 0.0

    def over(self, address: str, at: datetime) -> bool:
        """Whether a message is more than its device may say; it is counted then."""
        now = time.monotonic()
        if self._buckets.setdefault(address, _Bucket()).takes(now):
            return False
        if not self._lost:
            self._first, self._due = at, now + _SECONDS
        self._lost[address] = self._lost.get(address, 0) + 1
        self._last = at
        return True

    def gap(self, *, now: bool = False) -> Gap | None:
        """Return the account of what was let go, where a minute is over or none is to come."""
        if not self._lost or (not now and time.monotonic() < self._due):
            return None
        return Gap(
            ranges=(),
            count=sum(self._lost.values()),
            first=self._first,
            last=self._last,
            devices=dict(self._lost),
            reason="local_flood",
        )

    def declared(self) -> None:
        """Begin to count anew: the account is in the spool."""
        self._lost.clear()
