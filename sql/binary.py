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
_SHAPES = 16
"""More than a column has."""
EPOCH_2000 = 946_684_800_000_000
"""In microseconds: PostgreSQL counts from there."""


class Column(Protocol):
    """A column; rows of one `shape` have as many bytes as each other."""

    @property
    def shape(self) -> Ints:
        """What tells the rows apart by their bytes' number."""
        ...

    def write(self, rows: Ints) -> Bytes:
        """Return the bytes of some rows of one shape, a line each."""
        ...


def copy(columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield what a binary COPY takes for columns of one length.

    Rows keep their order within a shape; those of another shape come before or after them.
    """
    kind = reduce(lambda told, shape: told * _SHAPES + shape + 1, (one.shape for one in columns))
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
    """A numeric: its digits in base 10,000, left-aligned; `shape` is their number, -1 is NULL."""

    shape: Ints
    weight: Ints
    negative: npt.NDArray[np.bool_]
    scale: Ints
    digits: Ints

    def write(self, rows: Ints) -> Bytes:
        """Return the size, the head, then the digits."""
        count = int(self.shape[rows[0]]) if len(rows) else -1
        if count < 0:
            return Null(len(rows)).write(np.arange(len(rows)))
        sign = np.where(self.negative[rows], _NEGATIVE, 0)
        head = np.stack([self.shape[rows], self.weight[rows], sign, self.scale[rows]], axis=1)
        return _sized(np.hstack([_big(head, 2), _big(self.digits[rows, :count], 2)]))


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
    digits = np.stack(
        [
            *(whole // 10_000**place % 10_000 for place in reversed(range(_WHOLE))),
            *(fraction // 10_000**place % 10_000 for place in reversed(range(_DECIMALS))),
        ],
        axis=1,
    )
    there = digits != 0
    first = np.where(there.any(axis=1), there.argmax(axis=1), 0)
    count = np.where(there.any(axis=1), digits.shape[1] - there[:, ::-1].argmax(axis=1) - first, 0)
    aligned = np.minimum(first[:, None] + np.arange(digits.shape[1]), digits.shape[1] - 1)
    return Numeric(
        shape=np.where(mantissa == 0, -1, count) if zero_is_null else count,
        weight=np.where(count == 0, 0, _WHOLE - 1 - first),
        negative=mantissa < 0,
        scale=scale,
        digits=np.take_along_axis(digits, aligned, axis=1),
    )
