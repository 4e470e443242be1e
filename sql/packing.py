"""How a reading is packed into the eight columns of `packed_reading`, for who writes it by COPY.

The same as `source_of`, `flags_of` and `mended_of` of migration 0011; a test holds them to each
other. By binary COPY the server drops zero digits at both ends of a numeric, so that a block of
values may all be sent with one number of digits and so in rows of one length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from balise.model import Reading

LANDING_SHIFT, ITEM_SHIFT = 23, 8
DECODERS = 1 << ITEM_SHIFT
ITEMS = 1 << (LANDING_SHIFT - ITEM_SHIFT)
LANDINGS = 1 << (63 - LANDING_SHIFT)


@dataclass(frozen=True, slots=True)
class Packed:
    """The columns in their order; `mended` is (taken_at, sent) where either says something new."""

    stamped_at: datetime
    source: int
    series: int
    sequence: int
    subject: int
    value: Decimal
    flags: Decimal | None
    mended: tuple[datetime | None, Decimal | None] | None


def packed(reading: Reading, *, series: int, decoder: int) -> Packed:
    """Pack a reading of a series; OverflowError where message, item or decoder has no room."""
    taken_at = None if reading.taken_at == reading.stamped_at else reading.taken_at
    sent = None if reading.sent == reading.value else reading.sent
    return Packed(
        stamped_at=reading.stamped_at,
        source=source(reading.landing, reading.item, decoder),
        series=series,
        sequence=reading.sequence,
        subject=reading.subject,
        value=reading.value,
        flags=Decimal(reading.quality.value) if reading.quality else None,
        mended=None if taken_at is None and sent is None else (taken_at, sent),
    )


def source(landing: int, item: int, decoder: int) -> int:
    """Return message, item and decoder as one number; OverflowError where one has no room."""
    if not (0 <= landing < LANDINGS and 0 <= item < ITEMS and 0 <= decoder < DECODERS):
        message = f"no room for message {landing}, item {item}, decoder {decoder}"
        raise OverflowError(message)
    return landing << LANDING_SHIFT | item << ITEM_SHIFT | decoder
