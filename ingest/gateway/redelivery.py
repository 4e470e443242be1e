"""What a device tells again because a gateway died before it could say "received".

A frame is committed first and confirmed after. Whoever is killed between the two hears the same
frame again, and where it carries neither a time nor a number nothing else tells it from a second
measurement. So the first frame of each kind after a start is compared with the last one committed
before it; streams are notified, not confirmed, and never told again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from devices.payloads.balise_v1 import SYNCHRONISED, Item, read_item
from ingest.gateway import gaps

SOON = timedelta(minutes=2)
"""A gateway that was away for longer takes an equal frame for a second measurement: to count it
twice is better than to lose it."""

_Kind = tuple[str, str, str]


class Redelivery:
    """The last frame of each device and characteristic that a spool has; asked once for each."""

    def __init__(self, bodies: Iterable[bytes]) -> None:
        """Take the newest items of a spool, the newest first."""
        self._last: dict[_Kind, Item] = {}
        for body in bodies:
            if not gaps.kept(body).stream:
                item = read_item(body)
                self._last.setdefault(_kind(item), item)

    def again(self, body: bytes, now: datetime) -> bool:
        """Whether this is the frame that was committed last before the start, told again."""
        if not self._last:
            return False
        item = read_item(body)
        before = self._last.pop(_kind(item), None)
        if before is None or before.captured_at is None or abs(now - before.captured_at) > SOON:
            return False
        return _said(before) == _said(item)


def _kind(item: Item) -> _Kind:
    return item.device, item.service, item.characteristic


def _said(item: Item) -> Item:
    """Return what the device itself said, without what a connection and a clock add."""
    return replace(
        item,
        captured_at=None,
        session="",
        clock=None,
        repeats=0,
        gateway_clock=SYNCHRONISED,
        boot="",
        since_boot=None,
    )
