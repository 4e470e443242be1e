"""Columns to the bytes of a binary COPY, without a Python object a row.

Layout: PostgreSQL's documentation of COPY, "Binary Format", and `numeric_recv` in its sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
EPOCH_2000 = 946_684_800_000_000
"""In microseconds: PostgreSQL counts from there."""


class Field(NamedTuple):
    """Integers of so many bytes, the highest first: one a row, some a row, or one for all rows."""

    width: int
    values: npt.NDArray[np.integer] | np.integer | int


class Column(Protocol):
    """A column; rows of one `shape` have as many bytes as each other."""

    @property
    def shape(self) -> Ints:
        """0 or 1: what tells rows of different length apart."""
        ...

    def fields(self, rows: Ints) -> Sequence[Field]:
        """Return what stands in some rows of one shape, one field after the other."""
        ...


def copy(columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield what a binary COPY takes for columns of one length.

    Rows keep their order within a shape; those of another shape come before or after them.
    """
    kind = reduce(lambda told, shape: 2 * told + shape, (column.shape for column in columns))
    yield _HEADER
    for number in np.flatnonzero(np.bincount(kind)):
        rows = np.flatnonzero(kind == number)
        fields = [Field(2, len(columns))]
        for column in columns:
            fields += column.fields(rows)
        yield _lines(fields, len(rows))
    yield _TRAILER


def _lines(fields: Sequence[Field], count: int) -> bytes:
    """Return so many lines, each of all fields side by side."""
    each = [
        (f"f{number}", f">i{one.width}", np.shape(one.values)[1:])
        for number, one in enumerate(fields)
    ]
    lines = np.empty(count, dtype=np.dtype(each))
    for (name, _, _), one in zip(each, fields, strict=True):
        lines[name] = one.values
    return lines.tobytes()


@dataclass(frozen=True, slots=True)
class Integer:
    """An int2, int4 or int8 by its width in bytes, never NULL."""

    values: Ints
    width: int

    @property
    def shape(self) -> Ints:
        """All alike."""
        return np.zeros(len(self.values), dtype=np.int64)

    def fields(self, rows: Ints) -> Sequence[Field]:
        """Return the size, then the number."""
        return [Field(4, self.width), Field(self.width, self.values[rows])]


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

    def fields(self, rows: Ints) -> Sequence[Field]:  # noqa: ARG002 - all alike
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

    def fields(self, rows: Ints) -> Sequence[Field]:
        """Return the size, the head, then the digits; the server drops zeros at both ends."""
        if not self.there[rows[0]]:
            return [_NULL]
        count = self.digits.shape[1]
        return [
            *(Field(4, 2 * (_HEAD + count)), Field(2, count), Field(2, self.whole - 1)),
            Field(2, self.negative[rows] * _NEGATIVE),
            Field(2, self.scale[rows]),
            Field(2, self.digits[rows]),
        ]


_NULL = Field(4, -1)
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
    # Dividing is half of the work, and of most measurements there is nothing to divide.
    whole, rest = np.divmod(size, _TEN_TO[scale]) if scale.any() else (size, scale)
    before = _digits(whole, _needed(int(whole.max(initial=0))))
    after = _digits(rest * _TEN_TO[MOST_DECIMALS - scale], _DECIMALS) if rest.any() else []
    return Numeric(
        there=mantissa != 0 if zero_is_null else np.ones(len(mantissa), dtype=np.bool_),
        negative=mantissa < 0,
        scale=scale,
        digits=np.stack([*before, *after], axis=1),
        whole=len(before),
    )


def _digits(values: Ints, count: int) -> list[Ints]:
    """Return the digits in base 10,000 of numbers that have no more than so many."""
    lower: list[Ints] = []
    for _ in range(count - 1):
        values, digit = np.divmod(values, 10_000)
        lower.insert(0, digit)
    return [values, *lower]


def _needed(most: int) -> int:
    """Return how many digits a number has in base 10,000, at least one."""
    return 1 + len([count for count in range(1, _WHOLE) if most >= 10_000**count])
