"""IEEE 11073-20601 medical floats, kept exact: the exponent is the precision."""

from __future__ import annotations

from decimal import Decimal

from balise.model import Quality


def sfloat(raw: int) -> Decimal | Quality:
    """Return a 16-bit SFLOAT: 4-bit exponent, 12-bit mantissa."""
    return _medical_float(raw, mantissa_bits=12, exponent_bits=4)


def float32(raw: int) -> Decimal | Quality:
    """Return a 32-bit FLOAT: 8-bit exponent, 24-bit mantissa."""
    return _medical_float(raw, mantissa_bits=24, exponent_bits=8)


def _medical_float(raw: int, *, mantissa_bits: int, exponent_bits: int) -> Decimal | Quality:
    """Return the number, or which of the five non-numbers it is.

    Both parts are two's complement. The non-numbers sit around the largest mantissa and count
    only where the exponent is 0 (IEEE 11073-20601; HL7 PHD guide, FLOATS).
    """
    mantissa = raw & ((1 << mantissa_bits) - 1)
    exponent = raw >> mantissa_bits
    largest = (1 << (mantissa_bits - 1)) - 1
    if exponent == 0 and largest - 1 <= mantissa <= largest + 3:
        return NON_NUMBERS[mantissa - largest]
    return Decimal(_signed(mantissa, mantissa_bits)).scaleb(_signed(exponent, exponent_bits))


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


NON_NUMBERS = {
    -1: Quality.POSITIVE_INFINITY,
    0: Quality.NOT_A_NUMBER,
    1: Quality.NOT_AT_THIS_RESOLUTION,
    2: Quality.RESERVED_VALUE,
    3: Quality.NEGATIVE_INFINITY,
}
"""What stands at the largest mantissa and around it, by the distance from it."""
