"""Balise v1: the envelope a gateway sends on `balise/v1/<gateway>/frames`.

A message carries the numbered items of one spool (`epoch`): raw frames of a characteristic, or
whole documents of another convention, each with when and through what it was captured. Plain
frames that follow each other travel as runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from balise import unreadable
from balise.errors import PayloadError, Reason
from devices.payloads.items import (
    CORRECTED,
    QUEUED,
    RETAINED,
    SYNCHRONISED,
    UNSYNCHRONISED,
    Aware,
    Clock,
    Companion,
    Gap,
    Item,
    NumberedItem,
    Seq,
)
from devices.payloads.runs import Run, check, numbers_of, pack, unpack

__all__ = (
    "CORRECTED",
    "QUEUED",
    "RETAINED",
    "SYNCHRONISED",
    "UNSYNCHRONISED",
    "Aware",
    "Clock",
    "Companion",
    "Gap",
    "Item",
    "Message",
    "NumberedItem",
    "Receipt",
    "Run",
    "encode_item",
    "encode_message",
    "encode_receipt",
    "numbers",
    "read",
    "read_item",
    "read_receipt",
)

VERSION = 1


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it travels: single items, and runs of plain frames.

    A `backlog` is what waited in the spool while newer items went out: nobody looks out for it.
    """

    v: int
    epoch: UUID
    backlog: bool = False
    items: tuple[NumberedItem, ...] = ()
    runs: tuple[Run, ...] = ()

    def every(self) -> Iterator[NumberedItem]:
        """Yield what was captured in the order of its places: the items, then the runs' frames."""
        yield from self.items
        for run in self.runs:
            yield from unpack(run)


class _Seq(msgspec.Struct, frozen=True):
    seq: Seq


class _Run(msgspec.Struct, frozen=True):
    numbers: tuple[tuple[Seq, Seq], ...]


class _Numbers(msgspec.Struct, frozen=True):
    epoch: UUID
    backlog: bool = False
    items: tuple[_Seq, ...] = ()
    runs: tuple[_Run, ...] = ()


MOST = 1 << 15
"""Frames of a run: its numbers say no more of a spool than a message can hold."""


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


def encode_message(
    epoch: UUID, items: Iterable[tuple[int, bytes]], *, backlog: bool = False
) -> bytes:
    """Return a message of spooled items: plain frames in runs, the others as they were spooled."""
    bodies = list(items)
    runs = pack([(seq, item) for seq, body in bodies if (item := _readable(body))])
    packed = {seq for run in runs for seq in numbers_of(run)}
    numbered = b",".join(
        b'{"seq":%d,%b' % (seq, body[1:]) for seq, body in bodies if seq not in packed
    )
    head = b'{"v":%d,"epoch":"%b"' % (VERSION, str(epoch).encode())
    return b"".join(
        (
            head,
            b',"backlog":true' if backlog else b"",
            b',"items":[%b]' % numbered if numbered else b"",
            b',"runs":%b' % _encoder.encode(runs) if runs else b"",
            b"}",
        )
    )


def _readable(body: bytes) -> Item | None:
    """Return a spooled item; None where a newer gateway wrote it, for the server to read."""
    try:
        return read_item(body)
    except unreadable.JSON:
        return None


def read(payload: bytes) -> Message:
    """Return the message; raise PayloadError where it is none."""
    try:
        message = _message.decode(payload)
        # As a gateway writes it, it comes out as long as it went in: only others are looked at.
        if len(_encoder.encode(message)) != len(payload):
            json.loads(payload, object_pairs_hook=_unambiguous)
    except unreadable.JSON as error:
        raise PayloadError(f"not a Balise v1 message: {error}") from error
    if message.v != VERSION:
        raise PayloadError(
            f"Balise v{message.v} message; this server reads v{VERSION}",
            reason=Reason.PAYLOAD_UNKNOWN,
        )
    for run in message.runs:
        check(run)
    return message


def _unambiguous(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object that says one thing twice: of two figures nobody knows the right one."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise PayloadError("a key stands twice in one object", reason=Reason.PAYLOAD_INVALID)


class Numbers(NamedTuple):
    """What a receipt needs of a message: the spool and closed ranges of its numbers."""

    epoch: UUID
    spans: Sequence[tuple[int, int]]
    backlog: bool = False


def numbers(payload: bytes) -> Numbers | None:
    """Return only the numbers of a message, None where they can't be read."""
    try:
        found = _numbers.decode(payload)
    except unreadable.JSON:
        return None
    spans = [(item.seq, item.seq) for item in found.items]
    spans += [span for run in found.runs for span in run.numbers if 0 <= span[1] - span[0] < MOST]
    return Numbers(found.epoch, spans, found.backlog)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the server holds of a gateway's spools: epoch → closed ranges of numbers."""

    v: int
    stored: dict[str, tuple[tuple[Seq, Seq], ...]]


_receipt = msgspec.json.Decoder(Receipt)


def encode_receipt(stored: dict[str, tuple[tuple[int, int], ...]]) -> bytes:
    """Return the retained message on `balise/v1/<gateway>/receipt`."""
    return _encoder.encode(Receipt(v=VERSION, stored=stored))


def read_receipt(payload: bytes) -> Receipt | None:
    """Return the receipt, or None where the message is none."""
    try:
        return _receipt.decode(payload)
    except unreadable.JSON:
        return None
