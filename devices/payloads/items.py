"""The items of a Balise v1 message: one thing captured each, as gateways spool them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

SYNCHRONISED, UNSYNCHRONISED, CORRECTED = "synchronised", "unsynchronised", "corrected"
"""What a gateway's clock was worth at a capture."""

QUEUED, RETAINED = "queued", "retained"
"""Who kept an item before the gateway had it: a broker for this gateway, or for whoever asks."""

Aware = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time without zone can't be compared with others: its message is refused."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The device's wall clock and the gateway's time, read together."""

    device: str
    gateway: Aware


class Companion(msgspec.Struct, frozen=True, kw_only=True):
    """A frame of the same connection without which another says nothing."""

    service: str
    characteristic: str
    data: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Items of this spool that no one will send any more: numbers, times, how many by device."""

    ranges: tuple[tuple[int, int], ...]
    count: int
    first: Aware | None
    last: Aware | None
    devices: dict[str, int]
    reason: str


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing captured: `data` in hexadecimal of a characteristic, a `document`, or a `gap`.

    `model` is the key or Model Number String of the device, where the gateway knows it; `repeats`
    counts the same bytes in a row before this frame.

    `captured_at` is what the gateway's clock said, `gateway_clock` what that is worth. Where it was
    `unsynchronised`, `boot` and `since_boot` (seconds) say when it was in the machine's own life;
    on its way out the item has an `age` (seconds), or, `corrected`, a `clock_error`: the seconds to
    add to every time of this gateway's in it. What was `kept` was said before `captured_at`: while
    the gateway was away, or nobody knows when.
    """

    device: str
    captured_at: Aware | None = None
    session: str = ""
    service: str = ""
    characteristic: str = ""
    data: str = ""
    companions: tuple[Companion, ...] = ()
    model: str = ""
    repeats: int = 0
    clock: Clock | None = None
    gateway_clock: str = SYNCHRONISED
    boot: str = ""
    since_boot: float | None = None
    age: float | None = None
    clock_error: float | None = None
    kept: str = ""
    convention: str = ""
    document: str = ""
    gap: Gap | None = None


# Bounded, so that no number from outside can overflow a range in the database.
Seq = Annotated[int, msgspec.Meta(ge=1, le=1 << 60)]


class NumberedItem(Item, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An item with its number in the spool."""

    seq: Seq
