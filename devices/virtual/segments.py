"""Messages cut into segments: a header byte each, with first, last and a rolling counter."""

from __future__ import annotations

from itertools import count

from devices.segments import FIRST, LAST

SMALLEST = 19
"""Bytes after the header that fit where nobody agreed on more than the least packet (23 bytes)."""


class Cutter:
    """Cuts messages; its counter runs on from one to the next, as on a connection."""

    def __init__(self, size: int = SMALLEST) -> None:
        self._size = size
        self._counter = count()

    def cut(self, message: bytes) -> list[bytes]:
        """Return the segments of a message."""
        starts = range(0, len(message), self._size)
        return [
            self._header(start == 0, start == starts[-1]) + message[start : start + self._size]
            for start in starts
        ]

    def _header(self, first: bool, last: bool) -> bytes:  # noqa: FBT001 - two bits
        return bytes((next(self._counter) % 64 << 2 | FIRST * first | LAST * last,))
