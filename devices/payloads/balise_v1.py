"""Balise v1: the envelope a gateway sends on `balise/v1/<gateway>/frames`.

A message carries the numbered items of one spool (`epoch`): raw frames of a characteristic, or
whole documents of another convention, each with when and through what it was captured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from balise.errors import PayloadError, Reason

VERSION = 1
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


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class NumberedItem(Item, frozen=True, kw_only=True, omit_defaults=True):
    """An item with its number in the spool."""

    seq: Seq


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the flows read it."""

    v: int
    epoch: UUID
    items: tuple[NumberedItem, ...]


class _Seq(msgspec.Struct, frozen=True):
    seq: Seq


class _Numbers(msgspec.Struct, frozen=True):
    epoch: UUID
    items: tuple[_Seq, ...]


_encoder = msgspec.json.Encoder()
_item = msgspec.json.Decoder(Item)
_message = msgspec.json.Decoder(Message)
_numbers = msgspec.json.Decoder(_Numbers)


def encode_item(item: Item) -> bytes:
    """Return an item as the spool keeps it, still without number."""
    return _encoder.encode(item)


def read_item(body: bytes) -> Item:
    """Return an item as the spool keeps it; msgspec.MsgspecError where it is none."""
    return _item.decode(body)


def encode_message(epoch: UUID, items: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a message of spooled items; their bytes are spliced in, not encoded again."""
    numbered = b",".join(b'{"seq":%d,%b' % (seq, body[1:]) for seq, body in items)
    return b'{"v":%d,"epoch":"%b","items":[%b]}' % (VERSION, str(epoch).encode(), numbered)


def read(payload: bytes) -> Message:
    """Return the message; raise PayloadError where it is none."""
    try:
        message = _message.decode(payload)
        # As a gateway writes it, it comes out as long as it went in: only others are looked at.
        if len(_encoder.encode(message)) != len(payload):
            json.loads(payload, object_pairs_hook=_unambiguous)
    # UnicodeDecodeError is a ValueError; depth ends in RecursionError.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PayloadError(f"not a Balise v1 message: {error}") from error
    if message.v != VERSION:
        raise PayloadError(
            f"Balise v{message.v} message; this server reads v{VERSION}",
            reason=Reason.PAYLOAD_UNKNOWN,
        )
    return message


def _unambiguous(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object that says one thing twice: of two figures nobody knows the right one."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise PayloadError("a key stands twice in one object", reason=Reason.PAYLOAD_INVALID)


def numbers(payload: bytes) -> tuple[UUID, Sequence[int]] | None:
    """Return only the spool and the numbers of its items, or None: all a receipt needs."""
    try:
        found = _numbers.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found.epoch, [item.seq for item in found.items]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the server holds of a gateway's spools: epoch → closed ranges of numbers."""

    v: int
    stored: dict[str, tuple[tuple[int, int], ...]]


_receipt = msgspec.json.Decoder(Receipt)


def encode_receipt(stored: dict[str, tuple[tuple[int, int], ...]]) -> bytes:
    """Return the retained message on `balise/v1/<gateway>/receipt`."""
    return _encoder.encode(Receipt(v=VERSION, stored=stored))


def read_receipt(payload: bytes) -> Receipt | None:
    """Return the receipt, or None where the message is none."""
    try:
        return _receipt.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
