"""How message, item and decoder of a reading are one number in `packed_reading`.

The same as `source_of` of migration 0011, for who writes the table by COPY; a test holds them to
each other.
"""

from __future__ import annotations

LANDING_SHIFT, ITEM_SHIFT = 23, 8
DECODERS = 1 << ITEM_SHIFT
ITEMS = 1 << (LANDING_SHIFT - ITEM_SHIFT)
LANDINGS = 1 << (63 - LANDING_SHIFT)


def source(landing: int, item: int, decoder: int) -> int:
    """Return message, item and decoder as one number; OverflowError where one has no room."""
    if not (0 <= landing < LANDINGS and 0 <= item < ITEMS and 0 <= decoder < DECODERS):
        message = f"no room for message {landing}, item {item}, decoder {decoder}"
        raise OverflowError(message)
    return landing << LANDING_SHIFT | item << ITEM_SHIFT | decoder
