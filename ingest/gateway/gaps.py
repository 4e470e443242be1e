"""What a full spool lets go, and the account of it that is sent in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from balise import unreadable
from devices.payloads.balise_v1 import Gap, Item, encode_item
from ingest.gateway import ranges
from ingest.gateway.rows import Row

RANGES_A_GAP = 500
"""Beyond this a gap is told in another item, so that every item fits a message."""

STREAMS = frozenset(("2A37", "2A5F"))
"""Heart rate and continuous oximetry: thousands an hour, and one of them decides nothing."""


class Kept(msgspec.Struct, frozen=True):
    """What is asked of a spooled item before it is let go."""

    device: str = ""
    captured_at: datetime | None = None
    characteristic: str = ""
    gap: Gap | None = None

    @property
    def stream(self) -> bool:
        """Whether it is one of a stream's many frames."""
        return self.characteristic in STREAMS


_kept = msgspec.json.Decoder(Kept)
_gap = msgspec.json.Decoder(Gap)


def kept(body: bytes) -> Kept:
    """Return what there is to say of an item, nothing where it is unreadable."""
    try:
        return _kept.decode(body)
    except unreadable.JSON:
        return Kept()


def of(rows: Sequence[Row], reason: str) -> Gap:
    """Return the account of rows that are let go."""
    items = [kept(body) for _, body in rows]
    times = sorted(one.captured_at for one in items if one.captured_at is not None)
    return Gap(
        ranges=ranges.of(seq for seq, _ in rows),
        count=len(rows),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        devices=dict(Counter(one.device for one in items)),
        reason=reason,
    )


def together(one: Gap, other: Gap) -> Gap:
    """Return two accounts as one."""
    times = sorted(
        time for time in (one.first, one.last, other.first, other.last) if time is not None
    )
    return Gap(
        ranges=ranges.merged(one.ranges, other.ranges),
        count=one.count + other.count,
        first=times[0] if times else None,
        last=times[-1] if times else None,
        devices=dict(Counter(one.devices) + Counter(other.devices)),
        reason=one.reason,
    )


def encode(gap: Gap) -> bytes:
    """Return an account as it is kept until it is declared."""
    return msgspec.json.encode(gap)


def read(body: bytes) -> Gap:
    """Return an account that is kept."""
    return _gap.decode(body)


def item(gap: Gap) -> bytes:
    """Return the item that declares a gap."""
    return encode_item(Item(device="", gap=gap))
