"""Single numbers and clocks as bytes, as the Bluetooth specifications lay them out.

Written apart from the decoders, but by the same hands: no decoder is tested with these.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from balise.model import Quality

Figure = Decimal | Quality | None
"""A number, or which of the four non-numbers it is: None is not a number."""

_FROM_LARGEST = {
    Quality.POSITIVE_INFINITY: -1,
    Quality.NOT_A_NUMBER: 0,
    Quality.NOT_AT_THIS_RESOLUTION: 1,
    Quality.NEGATIVE_INFINITY: 3,
}
"""The non-numbers by the distance of their mantissa from the largest (IEEE 11073-20601)."""


_EPOCH_2000 = datetime(2000, 1, 1)  # noqa: DTZ001 - a device's wall clock has no zone


def u16(value: int) -> bytes:
    """Return 2 bytes, the low one first; OverflowError outside 0 to 65,535."""
    return value.to_bytes(2, "little")


def sfloat(value: Figure) -> bytes:
    """Return a number in 2 bytes; ValueError where it doesn't fit."""
    return _float(value, 12, 4)


def float32(value: Figure) -> bytes:
    """Return a number in 4 bytes; ValueError where it doesn't fit."""
    return _float(value, 24, 8)


def _float(value: Figure, mantissa_bits: int, exponent_bits: int) -> bytes:
    """Return an IEEE 11073 number whose exponent is the Decimal's own: 37.0 isn't 37."""
    if isinstance(value, Decimal):
        mantissa, exponent = _parts(value, mantissa_bits, exponent_bits)
    else:
        largest = (1 << mantissa_bits - 1) - 1
        mantissa, exponent = largest + _FROM_LARGEST[value or Quality.NOT_A_NUMBER], 0
    word = exponent % (1 << exponent_bits) << mantissa_bits | mantissa % (1 << mantissa_bits)
    return word.to_bytes((mantissa_bits + exponent_bits) // 8, "little")


def _parts(value: Decimal, mantissa_bits: int, exponent_bits: int) -> tuple[int, int]:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is no number")  # noqa: TRY004 - it is, of the wrong kind
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    reserved = 3  # at the top and at the bottom: not a number, infinities
    fits = abs(mantissa) < (1 << mantissa_bits - 1) - reserved
    limit = 1 << exponent_bits - 1
    if not -limit <= exponent < limit or not fits:
        raise ValueError(f"{value} does not fit {mantissa_bits + exponent_bits} bits")
    return mantissa, exponent


def date_time(moment: datetime) -> bytes:
    """Return a local date and time in 7 bytes, without time zone (0x2A08)."""
    return u16(moment.year) + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second)
    )


def elapsed(moment: datetime | None, *, flags: int, source: int = 0, quarters: int = 0) -> bytes:
    """Return the 9 bytes of an Elapsed Time in seconds from 2000; None is a clock at its start."""
    since = (moment or _EPOCH_2000) - _EPOCH_2000
    count = int(since.total_seconds()).to_bytes(6, "little")
    return bytes((flags,)) + count + bytes((source,)) + quarters.to_bytes(1, signed=True)
