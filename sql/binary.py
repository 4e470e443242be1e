"""Columns to the bytes of a binary COPY, without a Python object a row.

Layout: PostgreSQL's documentation of COPY, "Binary Format", and `numeric_recv` in its sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

    def write(self, rows: Ints) -> Sequence[Bytes]:
        """Return the bytes of some rows of one shape, a line each, or one line that all share."""
        ...


def copy(columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield what a binary COPY takes for columns of one length.

    Rows keep their order within a shape; those of another shape come before or after them.
    """
    kind = reduce(lambda told, shape: 2 * told + shape, (column.shape for column in columns))
    yield _HEADER
    for number in np.flatnonzero(np.bincount(kind)):
        rows = np.flatnonzero(kind == number)
        pieces = [_same(len(columns), 2)]
        for column in columns:
            pieces += column.write(rows)
        yield _joined(pieces, len(rows))
    yield _TRAILER


def _joined(pieces: Sequence[Bytes], count: int) -> bytes:
    """Return so many lines, each of all pieces side by side."""
    lines = np.empty((count, sum(piece.shape[1] for piece in pieces)), dtype=np.uint8)
    at = 0
    for piece in pieces:
        lines[:, at : at + piece.shape[1]] = piece
        at += piece.shape[1]
    return lines.tobytes()


def _big(values: npt.NDArray[np.integer], width: int) -> Bytes:
    """Return integers as bytes, the highest first, a line each."""
    lines = np.ascontiguousarray(values, dtype=f">i{width}")
    return lines.view(np.uint8).reshape(len(values), -1)


def _same(value: int, width: int) -> Bytes:
    """Return an integer that all lines share."""
    return _big(np.array([value]), width)


@dataclass(frozen=True, slots=True)
class Integer:
    """An int2, int4 or int8 by its width in bytes, never NULL."""

    values: Ints
    width: int

    @property
    def shape(self) -> Ints:
        """All alike."""
        return np.zeros(len(self.values), dtype=np.int64)

    def write(self, rows: Ints) -> Sequence[Bytes]:
        """Return the size, then the number."""
        return [_same(self.width, 4), _big(self.values[rows], self.width)]


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

    def write(self, rows: Ints) -> Sequence[Bytes]:  # noqa: ARG002 - all alike
        """Return the size that says NULL."""
        return [_NULL]


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric, all of one number of digits in base 10,000; `shape` tells which are NULL.

    Of the digits of each, `whole` are before the point.
    """

    there: npt.NDArray[np.bool_]
    negative: npt.NDArray[np.bool_]
    scale: Ints
    digits: Ints
    whole: int

    @property
    def shape(self) -> Ints:
        """1 where there is a number, 0 where there is none."""
        return self.there.astype(np.int64)

    def write(self, rows: Ints) -> Sequence[Bytes]:
        """Return the size, the head, then the digits; the server drops zeros at both ends."""
        if not self.there[rows[0]]:
            return [_NULL]
        count = self.digits.shape[1]
        return [
            *(_same(2 * (_HEAD + count), 4), _same(count, 2), _same(self.whole - 1, 2)),
            _big(self.negative[rows] * _NEGATIVE, 2),
            _big(self.scale[rows], 2),
            _big(self.digits[rows], 2),
        ]


_NULL = _same(-1, 4)
_HEAD, _NEGATIVE = 4, 0x4000
_WHOLE, _DECIMALS = 4, 2
MOST_DECIMALS = 4 * _DECIMALS
"""Decimals of a number that is written from two integers."""
LARGEST = 10 ** (4 * _WHOLE)
"""What it stays below."""
_TEN_TO = 10 ** np.arange(19, dtype=np.int64)


def numeric(mantissa: Ints, exponent: Ints, *, zero_is_null: bool = False) -> Numeric:
    """Return numbers `mantissa` times ten to the `exponent`, digit for digit as their Decimals."""
    scale = np.maximum(-exponent, 0)
    size = np.abs(mantissa) * _TEN_TO[np.maximum(exponent, 0)]
    unit = _TEN_TO[scale]
    whole = size // unit
    fraction = (size - whole * unit) * _TEN_TO[MOST_DECIMALS - scale]
    before = _digits(whole, reversed(range(_needed(int(whole.max(initial=0))))))
    after = _digits(fraction, reversed(range(_DECIMALS))) if fraction.any() else []
    return Numeric(
        there=mantissa != 0 if zero_is_null else np.ones(len(mantissa), dtype=np.bool_),
        negative=mantissa < 0,
        scale=scale,
        digits=np.stack([*before, *after], axis=1),
        whole=len(before),
    )


def _digits(values: Ints, places: Iterable[int]) -> list[Ints]:
    return [values // 10_000**place % 10_000 for place in places]


def _needed(most: int) -> int:
    """Return how many digits a number has in base 10,000, at least one."""
    return 1 + len([count for count in range(1, _WHOLE) if most >= 10_000**count])
