"""From numbers to the bytes of a characteristic, as the Bluetooth specifications lay them out.

Written apart from the decoders, but by the same hands: no decoder is tested with these.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

SFLOAT_NAN = bytes.fromhex("ff07")
"""Not a number: what a device sends for a value that it could not measure."""


def u16(value: int) -> bytes:
    """Return 2 bytes, the low one first; OverflowError outside 0 to 65,535."""
    return value.to_bytes(2, "little")


def _float(value: Decimal, mantissa_bits: int, exponent_bits: int) -> bytes:
    """Return an IEEE 11073 number whose exponent is the Decimal's own: 37.0 isn't 37."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is no number")  # noqa: TRY004 - it is, of the wrong kind
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    reserved = 3  # at the top and at the bottom: not a number, infinities
    fits = abs(mantissa) < (1 << mantissa_bits - 1) - reserved
    limit = 1 << exponent_bits - 1
    if not -limit <= exponent < limit or not fits:
        raise ValueError(f"{value} does not fit {mantissa_bits + exponent_bits} bits")
    word = exponent % (1 << exponent_bits) << mantissa_bits | mantissa % (1 << mantissa_bits)
    return word.to_bytes((mantissa_bits + exponent_bits) // 8, "little")


def sfloat(value: Decimal | None) -> bytes:
    """Return a number in 2 bytes, None as not a number; ValueError where it doesn't fit."""
    return SFLOAT_NAN if value is None else _float(value, 12, 4)


def float32(value: Decimal) -> bytes:
    """Return a number in 4 bytes; ValueError where it doesn't fit."""
    return _float(value, 24, 8)


def date_time(moment: datetime) -> bytes:
    """Return a local date and time in 7 bytes, without time zone (0x2A08)."""
    return u16(moment.year) + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second)
    )


def current_time(moment: datetime) -> bytes:
    """Return the 10 bytes of 0x2A2B: date and time, day of the week, 1/256 s, reason 0."""
    fraction = moment.microsecond * 256 // 1_000_000
    return date_time(moment) + bytes((moment.isoweekday(), fraction, 0))
