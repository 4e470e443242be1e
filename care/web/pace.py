"""How often somebody may ask for what costs us something before we know who they are."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from datetime import timedelta
from threading import Lock

from fastapi import Request

from balise.house import house
from care.web.visit import address_of

MOST, WITHIN = 200, timedelta(minutes=5)
"""A house whose nurses all come at eight by one address is let in; a loop is not."""
_KNOWN = 10_000
"""Addresses remembered, the last to ask: what is kept of strangers has an end."""


class Hurried(Exception):  # noqa: N818 - a state of the visitor, not an error
    """More was asked from one address than people ask."""


class Pace:
    """So many times within a while by each address, in the memory of this process."""

    def __init__(self, most: int = MOST, within: timedelta = WITHIN) -> None:
        self._most = most
        self._seconds = within.total_seconds()
        self._asked = OrderedDict[str, deque[float]]()
        self._lock = Lock()

    def take(self, address: str, now: float) -> bool:
        """Say whether an address may ask once more, and count it if so; `now` in seconds."""
        known = house(address)
        with self._lock:
            asked = self._asked.setdefault(known, deque())
            self._asked.move_to_end(known)
            if len(self._asked) > _KNOWN:
                self._asked.popitem(last=False)
            while asked and asked[0] <= now - self._seconds:
                asked.popleft()
            if len(asked) >= self._most:
                return False
            asked.append(now)
            return True


def unhurried(request: Request) -> None:
    """Let a visitor on who asks no oftener than people do. Raises Hurried."""
    pace: Pace = request.app.state.pace
    if not pace.take(address_of(request), time.monotonic()):
        raise Hurried
