"""Which passwords fitted of late: a program that asks with each request costs one hash a minute."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from threading import Lock

_SECONDS, _MOST = 60.0, 1000


class Fitted:
    """Pairs of a hash and a password that fitted it within a minute.

    In the memory of this process alone, as digests by a key that nobody else has.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._until = OrderedDict[bytes, float]()
        self._lock = Lock()

    def lately(self, hashed: str, password: str) -> bool:
        """Say whether it is one of them."""
        with self._lock:
            return self._until.get(self._digest(hashed, password), 0) > time.monotonic()

    def note(self, hashed: str, password: str) -> None:
        """Keep it, and forget what is over and the oldest of many."""
        digest, now = self._digest(hashed, password), time.monotonic()
        with self._lock:
            self._until[digest] = now + _SECONDS
            self._until.move_to_end(digest)
            while len(self._until) > _MOST or next(iter(self._until.values())) < now:
                self._until.popitem(last=False)

    def _digest(self, hashed: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{hashed}\0{password}".encode(), "sha256")
