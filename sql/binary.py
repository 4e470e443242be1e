"""Columns to the bytes of a binary COPY, without a Python object a row.

Layout: PostgreSQL's documentation of COPY, "Binary Format", and `numeric_recv` in its sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
EPOCH_2000 = 946_684_800_000_000
"""In microseconds: PostgreSQL counts from there."""


class Column(Protocol):
    """A column; rows of one `shape` have as many bytes as each other."""

    @property
    def shape(self) -> Ints:
        """0 or 1: what tells rows of different length apart."""
        ...

    def write(self, rows: Ints) -> Bytes:
        """Return the bytes of some rows of one shape, a line each."""
        ...


def copy(columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield what a binary COPY takes for columns of one length.

    Rows keep their order within a shape; those of another shape come before or after them.
    """
    kind = reduce(lambda told, shape: 2 * told + shape, (column.shape for column in columns))
    yield _HEADER
    for number in np.unique(kind):
        rows = np.flatnonzero(kind == number)
        count = _big(np.full(len(rows), len(columns)), 2)
        yield np.hstack([count, *(column.write(rows) for column in columns)]).tobytes()
    yield _TRAILER


def _big(values: npt.NDArray[np.integer], width: int) -> Bytes:
    """Return integers as bytes, the highest first, a line each."""
    lines = np.ascontiguousarray(values, dtype=f">i{width}")
    return lines.view(np.uint8).reshape(len(values), -1)


def _sized(values: Bytes) -> Bytes:
    """Put the size of a line's bytes before it."""
    return np.hstack([_big(np.full(len(values), values.shape[1]), 4), values])


@dataclass(frozen=True, slots=True)
class Integer:
    """An int2, int4 or int8 by its width in bytes, never NULL."""

    values: Ints
    width: int

    @property
    def shape(self) -> Ints:
        """All alike."""
        return np.zeros(len(self.values), dtype=np.int64)

    def write(self, rows: Ints) -> Bytes:
        """Return the size, then the number."""
        return _sized(_big(self.values[rows], self.width))


def timestamptz(microseconds: Ints) -> Integer:
    """Return a timestamptz from microseconds since 1970."""
    return Integer(microseconds - EPOCH_2000, 8)


@dataclass(frozen=True, slots=True)
class Null:
    """Any type, NULL in each of so many rows."""

    count: int

    @property
    def shape(self) -> Ints:
        """All alike."""
        return np.zeros(self.count, dtype=np.int64)

    def write(self, rows: Ints) -> Bytes:
        """Return the size that says NULL."""
        return _big(np.full(len(rows), -1), 4)


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric, all of one number of digits in base 10,000; `shape` tells which are NULL."""

    there: npt.NDArray[np.bool_]
    negative: npt.NDArray[np.bool_]
    scale: Ints
    digits: Ints

    @property
    def shape(self) -> Ints:
        """1 where there is a number, 0 where there is none."""
        return self.there.astype(np.int64)

    def write(self, rows: Ints) -> Bytes:
        """Return the size, the head, then the digits; the server drops zeros at both ends."""
        if not self.there[rows[0]]:
            return Null(len(rows)).write(np.arange(len(rows)))
        head = np.empty((len(rows), 4), dtype=np.int64)
        head[:, 0], head[:, 1] = self.digits.shape[1], _WHOLE - 1
        head[:, 2] = np.where(self.negative[rows], _NEGATIVE, 0)
        head[:, 3] = self.scale[rows]
        return _sized(_big(np.hstack([head, self.digits[rows]]), 2))


_NEGATIVE = 0x4000
_WHOLE, _DECIMALS = 4, 2
MOST_DECIMALS = 4 * _DECIMALS
"""Decimals of a number that is written from two integers."""
LARGEST = 10 ** (4 * _WHOLE)
"""What it stays below."""


def numeric(mantissa: Ints, exponent: Ints, *, zero_is_null: bool = False) -> Numeric:
    """Return numbers `mantissa` times ten to the `exponent`, digit for digit as their Decimals."""
    scale = np.maximum(-exponent, 0)
    size = np.abs(mantissa) * 10 ** np.maximum(exponent, 0)
    unit = 10**scale
    whole, fraction = size // unit, size % unit * 10 ** (MOST_DECIMALS - scale)
    digits = [
        *(whole // 10_000**place % 10_000 for place in reversed(range(_WHOLE))),
        *(fraction // 10_000**place % 10_000 for place in reversed(range(_DECIMALS))),
    ]
    return Numeric(
        there=mantissa != 0 if zero_is_null else np.ones(len(mantissa), dtype=np.bool_),
        negative=mantissa < 0,
        scale=scale,
        digits=np.stack(digits, axis=1),
    )
