"""How long to wait after failures in a row: doubled each time, with jitter, and bounded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

FIRST, LONGEST = 0.5, 60.0
"""Seconds; after a rest of twice the longest wait, failures are forgotten."""


class Backoff:
    """The waits of one thing that fails."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._failures = 0
        self._now = now
        self._failed_at = now()

    def success(self) -> None:
        """Start over."""
        self._failures = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        if self._now() - self._failed_at > 2 * LONGEST:
            self._failures = 0  # a cuff that failed yesterday is awake for ten seconds today
        self._failed_at = self._now()
        wait = min(LONGEST, FIRST * float(1 << min(self._failures, 10)))
        self._failures += 1
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
