"""What a frame is made of: a number, a user slot, status bits, a code, a count (clocks: clock.py).

A part is there when all its `when` bits are set in the frame's flags and none of its `unless`
bits. `code` is its layout in the notation of `struct`, `reader` gives the function that puts its
word into a draft: made once for each shape of frame, called for every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from balise.model import Decoded, Facts, Quality, State, Value
from devices.medfloat import float32, sfloat


@dataclass(frozen=True, slots=True)
class Kind:
    """How a number is laid out, and what its word says."""

    name: str
    code: str
    read: Callable[[Any], Decimal | Quality]


def _unsigned(word: bytes) -> Decimal:
    return Decimal(int.from_bytes(word, "little"))


def _signed(word: bytes) -> Decimal:
    return Decimal(int.from_bytes(word, "little", signed=True))


U8 = Kind("u8", "B", Decimal)
S8 = Kind("s8", "b", Decimal)
U16 = Kind("u16", "H", Decimal)
U24 = Kind("u24", "3s", _unsigned)
S24 = Kind("s24", "3s", _signed)
U32 = Kind("u32", "I", Decimal)
SFLOAT = Kind("sfloat", "H", sfloat)
FLOAT = Kind("float", "I", float32)
SFLOAT_BIG = Kind("sfloat, high byte first", "2s", lambda word: sfloat(int.from_bytes(word)))
"""Against the specification; some makers write it so."""

Bits = tuple[tuple[int, int, Quality], ...]
"""Rows (mask, value, quality): the quality holds when the masked bits have that value."""

Names = Mapping[int, str]
"""The words of a closed list by their code, or of status bits by their number."""


def qualities(bits: Bits, word: int) -> int:
    """Return the quality bits that a word of flags announces."""
    found = 0
    for mask, value, quality in bits:
        if word & mask == value:
            found |= quality.value
    return found


_quality = lru_cache(4096)(Quality)


@dataclass(slots=True)
class Draft:
    """What has been read of a frame so far; `quality` is kept as bits, which add up faster."""

    quality: int = 0
    readings: list[Value] = field(default_factory=list[Value])
    facts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    device_time: datetime | None = None
    utc_offset: int | None = None
    sequence: int | None = None
    user: int | None = None
    void: bool = False
    state: State = State.MEASURED

    def finish(self, service: str, characteristic: str, awaits: tuple[str, ...] = ()) -> Decoded:
        """Return what the frame says; a measurement without a figure is an attempt.

        Figures that the status voids are kept as facts: they were sent, and are no readings.
        """
        void = self.void or not self.readings
        if void:
            self.facts += [(one.metric, f"{one.value:f} {one.unit}") for one in self.readings]
        attempt = void and self.state is State.MEASURED
        return Decoded(
            service=service,
            characteristic=characteristic,
            readings=() if void else tuple(self.readings),
            device_time=self.device_time,
            utc_offset=self.utc_offset,
            sequence=self.sequence,
            user=self.user,
            quality=_quality(self.quality),
            state=State.NO_VALUE if attempt else self.state,
            facts=tuple(self.facts),
            awaits=awaits,
        )


Read = Callable[[Any, Draft], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a frame; `many` is repeated to the frame's end."""

    when: int = 0
    unless: int = 0
    many: bool = False

    @property
    def code(self) -> str:
        """The layout of one word, in the notation of `struct`."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """What an error calls it."""
        return type(self).__name__.lower()

    def reader(self, position: int) -> Read:  # noqa: ARG002 - counts only where a part is repeated
        """Return what puts the word at a position into a draft."""
        return self.read

    def read(self, word: Any, draft: Draft) -> None:
        """Put a word into a draft."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Number(Part):
    """A figure; integers count `step`s. `absent` is the integer that says there is none.

    A special float or an absent figure voids the whole frame, unless the part is `optional`.
    """

    metric: str
    kind: Kind
    unit: str
    step: Decimal | None = field(default=None, kw_only=True)
    absent: int | None = field(default=None, kw_only=True)
    optional: bool = field(default=False, kw_only=True)

    @property
    def code(self) -> str:
        """The layout of one figure."""
        return self.kind.code

    @property
    def label(self) -> str:
        """The metric."""
        return self.metric

    def reader(self, position: int) -> Read:
        """Return what adds the figure to a draft, or the reason that stands in its place."""
        optional = self.optional

        # A device says the same few hundred figures for years.
        @lru_cache(4096)
        def figure(word: Any) -> Value | int:
            return self._figure(word, position)

        def read(word: Any, draft: Draft) -> None:
            found = figure(word)
            if isinstance(found, Value):
                draft.readings.append(found)
            elif not optional:
                draft.quality |= found
                draft.void = True

        return read

    def _figure(self, word: Any, position: int) -> Value | int:
        raw = self.kind.read(word)
        if not isinstance(raw, Decimal):
            return raw.value
        if self.absent is not None and raw == self.absent:
            return Quality.UNSUCCESSFUL.value
        value = raw if self.step is None else raw * self.step
        return Value(metric=self.metric, value=value, unit=self.unit, position=position)


@dataclass(frozen=True, slots=True)
class User(Part):
    """The user slot of a shared device; 255 is somebody unknown."""

    @property
    def code(self) -> str:
        """One byte."""
        return "B"

    def read(self, word: int, draft: Draft) -> None:
        """Set the slot, or say that the device doesn't know who it was."""
        if word == 0xFF:
            draft.quality |= Quality.USER_UNKNOWN.value
        else:
            draft.user = word


@dataclass(frozen=True, slots=True)
class Status(Part):
    """Status bits that qualify every figure of the frame; `voids` are those that leave none.

    The raw word is kept as a fact, reserved bits included, beside the `names` of its set bits.
    """

    name: str
    bits: Bits
    names: Names = field(default_factory=dict[int, str], kw_only=True)
    voids: int = field(default=0, kw_only=True)
    size: int = field(default=2, kw_only=True)
    order: Literal["little", "big"] = field(default="little", kw_only=True)

    @property
    def code(self) -> str:
        """The layout of the word."""
        return f"{self.size}s"

    @property
    def label(self) -> str:
        """Its name."""
        return self.name

    def read(self, word: bytes, draft: Draft) -> None:
        """Carry each announced bit into the quality."""
        quality, voids, facts = _announce(self, word)
        draft.quality |= quality
        draft.void = draft.void or voids
        draft.facts += facts

    def __hash__(self) -> int:
        """Return the hash of its name: `names` may be a dict."""
        return hash((self.name, self.order))


@lru_cache(4096)
def _announce(status: Status, data: bytes) -> tuple[int, bool, Facts]:
    word = int.from_bytes(data, status.order)
    raw = (status.name, f"0x{word:0{status.size * 2}X}")
    named = [name for bit, name in status.names.items() if word >> bit & 1]
    facts = (raw, (f"{status.name}_names", " ".join(named))) if named else (raw,)
    return qualities(status.bits, word), bool(word & status.voids), facts


def word_of(names: Names, code: int) -> str:
    """Return the word of a code, or `reserved (n)`."""
    return names.get(code, f"reserved ({code})")


@dataclass(frozen=True, slots=True)
class Code(Part):
    """A code of a closed list, kept as a fact; one outside the list is kept as a number."""

    name: str
    names: Names
    kind: Kind = U8

    @property
    def code(self) -> str:
        """The layout of the code."""
        return self.kind.code

    @property
    def label(self) -> str:
        """Its name."""
        return self.name

    def read(self, word: int, draft: Draft) -> None:
        """Add the code's word."""
        draft.facts.append((self.name, word_of(self.names, word)))


@dataclass(frozen=True, slots=True)
class Fact(Part):
    """A number that is no figure of a patient's, kept as a fact with its unit."""

    name: str
    kind: Kind
    unit: str = ""
    step: Decimal | None = field(default=None, kw_only=True)

    @property
    def code(self) -> str:
        """The layout of the number."""
        return self.kind.code

    @property
    def label(self) -> str:
        """Its name."""
        return self.name

    def read(self, word: Any, draft: Draft) -> None:
        """Add the number, or which non-number it is."""
        draft.facts.append((self.name, self.text(word)))

    def text(self, word: Any) -> str:
        """Return the number with its unit."""
        raw = self.kind.read(word)
        if not isinstance(raw, Decimal):
            return " ".join(raw.names)
        value = raw if self.step is None else raw * self.step
        return f"{value:f} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class RecordNumber(Part):
    """The device's own number of a record."""

    kind: Kind = U16

    @property
    def code(self) -> str:
        """The layout of the number."""
        return self.kind.code

    def read(self, word: int, draft: Draft) -> None:
        """Set the sequence."""
        draft.sequence = word


@dataclass(frozen=True, slots=True)
class Skip(Part):
    """Bytes that carry nothing Balise keeps; they stay in the raw frame."""

    size: int

    @property
    def code(self) -> str:
        """The layout of the bytes."""
        return f"{self.size}s"

    def read(self, word: bytes, draft: Draft) -> None:
        """Pass over."""
