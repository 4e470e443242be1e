"""Many frames of one characteristic at once, as polars columns: what a frame declares, vectorised.

For the bulk of a busy line. A figure is `mantissa` times ten to the `exponent`, exact as the
Decimal of `Frame.decode`; frames that don't follow the layout are listed as `refused`, for
`Frame.decode` to say why. Facts stay in the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from struct import calcsize

import polars as pl

from balise.errors import FrameError, UsageError
from balise.model import Quality, State
from devices.clock import Clock
from devices.frame import Frame
from devices.medfloat import NON_NUMBERS
from devices.parts import (
    FLOAT,
    SFLOAT,
    Bits,
    Code,
    Fact,
    Number,
    Part,
    RecordNumber,
    Skip,
    Status,
    User,
)

_INTEGERS = {"B": pl.UInt8, "b": pl.Int8, "H": pl.UInt16, "h": pl.Int16, "I": pl.UInt32}
_MANTISSA_BITS = {SFLOAT.name: 12, FLOAT.name: 24}
_READ = (Number, Clock, User, Status, RecordNumber, Code, Fact, Skip)


@dataclass(frozen=True, slots=True)
class Columns:
    """What many frames say; `row` is a frame's place among those that were given.

    `figures`: row, metric, position, unit, mantissa, exponent. `frames`: row, device_time (a wall
    clock), user, sequence, quality (bits), void (no figure counts). `refused`: rows not read.
    """

    figures: pl.DataFrame
    frames: pl.DataFrame
    refused: tuple[int, ...]


def readable(frame: Frame) -> bool:
    """Say whether a characteristic has only parts that are read in columns."""
    return frame.state is State.MEASURED and all(type(part) in _READ for part in frame.parts)


def decode(frame: Frame, frames: Sequence[bytes]) -> Columns:
    """Return what frames of one characteristic say; UsageError where it has parts of its own."""
    if not readable(frame):
        raise UsageError(f"{frame.name} is decoded frame by frame")
    data = pl.DataFrame({"data": pl.Series(frames, dtype=pl.Binary)}).with_row_index("row")
    flags = _unsigned(0, frame.flags_size).alias("flags")
    shapes = data.with_columns(flags, pl.col("data").bin.size().alias("size"))
    figures, told, refused = [_NO_FIGURES], [_NO_FRAMES], list[int]()
    for (bits, _), group in shapes.partition_by("flags", "size", as_dict=True).items():
        try:
            frame.draft(group["data"][0])
        except FrameError:
            refused += group["row"].to_list()
            continue
        shape = _Shape(frame, bits or 0, len(group["data"][0]))
        words = group.select("row", **shape.words)
        figures += [words.filter(keep).select(columns) for keep, columns in shape.figures()]
        told.append(words.select(shape.told()))
    return Columns(pl.concat(figures), pl.concat(told), tuple(sorted(refused)))


_NO_FIGURES = pl.DataFrame(
    schema={
        "row": pl.UInt32,
        "metric": pl.String,
        "position": pl.Int16,
        "unit": pl.String,
        "mantissa": pl.Int64,
        "exponent": pl.Int64,
    }
)
_NO_FRAMES = pl.DataFrame(
    schema={
        "row": pl.UInt32,
        "device_time": pl.Datetime("us"),
        "user": pl.Int64,
        "sequence": pl.Int64,
        "quality": pl.Int64,
        "void": pl.Boolean,
    }
)


def _unsigned(at: int, size: int) -> pl.Expr:
    """Return the integer of some bytes, low byte first; 0 bytes are 0."""
    data = pl.col("data")
    one = [
        data.bin.slice(at + place, 1).bin.reinterpret(dtype=pl.UInt8).cast(pl.Int64) * 256**place
        for place in range(size)
    ]
    return sum(one, start=pl.lit(0, pl.Int64))


def _or(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return one | other


def _bits(bits: Bits, word: pl.Expr) -> pl.Expr:
    """Return the quality bits that a word of flags announces."""
    rows = [
        pl.when(word & mask == value).then(quality.value).otherwise(0).cast(pl.Int64)
        for mask, value, quality in bits
    ]
    return reduce(_or, rows, pl.lit(0, pl.Int64))


@dataclass(slots=True)
class _Shape:
    """The expressions that read frames of one shape: same flags, same length."""

    frame: Frame
    flags: int
    size: int
    words: dict[str, pl.Expr] = field(default_factory=dict[str, pl.Expr])
    placed: list[tuple[Part, str, int]] = field(default_factory=list[tuple[Part, str, int]])

    def __post_init__(self) -> None:
        """Place each part's words."""
        at = self.frame.flags_size
        for part in self.frame.present(self.flags):
            size = calcsize("<" + part.code)
            for position in range((self.size - at) // size if part.many else 1):
                self._place(part, at, position)
                at += size

    def _place(self, part: Part, at: int, position: int) -> None:
        name = f"at_{at}"
        self.placed.append((part, name, position))
        if isinstance(part, Clock):
            for offset, unit in enumerate(("month", "day", "hour", "minute", "second"), 2):
                self.words[f"{name}_{unit}"] = _unsigned(at + offset, 1)
            self.words[f"{name}_year"] = _unsigned(at, 2)
        elif isinstance(part, Status):
            self.words[name] = _unsigned(at, part.size)
        elif part.code in _INTEGERS:
            raw = pl.col("data").bin.slice(at, calcsize("<" + part.code))
            word = raw.bin.reinterpret(dtype=_INTEGERS[part.code], endianness="little")
            self.words[name] = word.cast(pl.Int64)
        else:
            self.words[name] = _unsigned(at, calcsize("<" + part.code))

    def figures(self) -> list[tuple[pl.Expr, list[pl.Expr]]]:
        """Return, for each figure, the rows that have it and its columns."""
        return [
            (
                (_lack(part, pl.col(name)) == 0) & ~self._void(),
                [
                    pl.col("row"),
                    pl.lit(part.metric).alias("metric"),
                    pl.lit(position, pl.Int16).alias("position"),
                    pl.lit(part.unit).alias("unit"),
                    *_value(part, pl.col(name)),
                ],
            )
            for part, name, position in self.placed
            if isinstance(part, Number)
        ]

    def told(self) -> list[pl.Expr]:
        """Return what is said beside the figures."""
        wall, user, sequence = pl.lit(None, pl.Datetime("us")), pl.lit(None), pl.lit(None)
        quality = [_bits(self.frame.flag_bits, pl.lit(self.flags, pl.Int64))]
        for part, name, _ in self.placed:
            word = pl.col(name) if name in self.words else None
            if isinstance(part, Clock):
                wall, against = _wall(name)
                quality.append(against)
            elif isinstance(part, User) and word is not None:
                user = pl.when(word != 0xFF).then(word)
                unknown = pl.when(word == 0xFF).then(Quality.USER_UNKNOWN.value).otherwise(0)
                quality.append(unknown.cast(pl.Int64))
            elif isinstance(part, RecordNumber) and word is not None:
                sequence = word
            elif isinstance(part, Status) and word is not None:
                quality.append(_bits(part.bits, word))
            elif isinstance(part, Number) and word is not None and not part.optional:
                quality.append(_lack(part, word))
        return [
            pl.col("row"),
            wall.alias("device_time"),
            user.cast(pl.Int64).alias("user"),
            sequence.cast(pl.Int64).alias("sequence"),
            reduce(_or, quality).alias("quality"),
            self._void().alias("void"),
        ]

    def _void(self) -> pl.Expr:
        lacking = [
            _lack(part, pl.col(name)) != 0
            for part, name, _ in self.placed
            if isinstance(part, Number) and not part.optional
        ]
        voided = [
            pl.col(name) & part.voids != 0
            for part, name, _ in self.placed
            if isinstance(part, Status) and part.voids
        ]
        return reduce(_or, [*lacking, *voided], pl.lit(value=False))


def _lack(part: Number, word: pl.Expr) -> pl.Expr:
    """Return the quality bits of what stands in a figure's place, 0 where it is a number."""
    found = pl.lit(0, pl.Int64)
    if part.absent is not None:
        absent = pl.when(word == part.absent).then(Quality.UNSUCCESSFUL.value).otherwise(0)
        found = absent.cast(pl.Int64)
    bits = _MANTISSA_BITS.get(part.kind.name)
    if bits is not None:
        largest = (1 << bits - 1) - 1
        for beyond, quality in NON_NUMBERS.items():
            found = pl.when(word == largest + beyond).then(quality.value).otherwise(found)
    return found


def _value(part: Number, word: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return a figure's mantissa and exponent."""
    bits = _MANTISSA_BITS.get(part.kind.name)
    if bits is not None:
        mantissa, exponent = word % (1 << bits), word // (1 << bits)
        width = 1 << {12: 4, 24: 8}[bits]
        signed = (mantissa + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
        return signed.alias("mantissa"), ((exponent + width // 2) % width - width // 2).alias(
            "exponent"
        )
    step = (part.step or Decimal(1)).as_tuple()
    digits = int("".join(map(str, step.digits)))
    return (word * digits).alias("mantissa"), pl.lit(step.exponent, pl.Int64).alias("exponent")


def _wall(name: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the wall clock at a place, and the quality bits against it."""
    year, month, day, hour, minute, second = (
        pl.col(f"{name}_{unit}") for unit in ("year", "month", "day", "hour", "minute", "second")
    )
    unset = (year == 0) | (month == 0) | (day == 0)
    valid = (month <= 12) & (hour < 24) & (minute < 60) & (second < 60) & (year <= 9999)
    first = pl.datetime(year.clip(1, 9999), month.clip(1, 12), 1)
    valid &= day <= first.dt.days_in_month()
    wall = pl.when(valid & ~unset).then(
        pl.datetime(year.clip(1, 9999), month.clip(1, 12), 1, hour.clip(0, 23), minute, second)
        + pl.duration(days=day - 1)
    )
    midnight = (month == 1) & (day == 1) & (hour == 0) & (minute < 10)
    against = (
        pl.when(unset)
        .then(Quality.CLOCK_UNSET.value)
        .when(~valid)
        .then(Quality.CLOCK_IMPOSSIBLE.value)
        .when((year < 2015) | midnight)
        .then(Quality.CLOCK_DEFAULT.value)
        .otherwise(0)
    )
    return wall, against.cast(pl.Int64)
