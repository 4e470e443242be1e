"""The reader of Bluetooth health characteristics: a frame is declared, not programmed.

A characteristic is a `Frame`: flags first, then its parts in wire order. A part is there when all
its `when` bits are set and none of its `unless` bits. Whatever the bytes, the answer is a
`Decoded` or a `FrameError` that says which byte was missing or too many.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from balise.errors import FrameError, Reason
from balise.model import Decoded, Quality, State, Value
from devices.medfloat import float32, sfloat


@dataclass(frozen=True, slots=True)
class Kind:
    """How the bytes of a part are read."""

    name: str
    size: int
    read: Callable[[bytes], Decimal | Quality]


def _integer(data: bytes) -> Decimal:
    return Decimal(int.from_bytes(data, "little"))


U8 = Kind("u8", 1, _integer)
U16 = Kind("u16", 2, _integer)
SFLOAT = Kind("sfloat", 2, sfloat)
FLOAT = Kind("float", 4, float32)

Bits = tuple[tuple[int, int, Quality], ...]
"""Rows (mask, value, quality): the quality holds when the masked bits have that value."""


def _qualities(bits: Bits, word: int) -> Quality:
    found = Quality.NONE
    for mask, value, quality in bits:
        if word & mask == value:
            found |= quality
    return found


@dataclass(slots=True)
class _Draft:
    """What has been read of a frame so far."""

    readings: list[Value] = field(default_factory=list[Value])
    device_time: datetime | None = None
    user: int | None = None
    quality: Quality = Quality.NONE
    void: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A figure; integers count `step`s. `absent` is the integer that says there is none.

    A special float or an absent figure voids the whole frame, unless the part is `optional`.
    """

    metric: str
    kind: Kind
    unit: str
    when: int = 0
    unless: int = 0
    step: Decimal | None = None
    absent: int | None = None
    many: bool = False
    optional: bool = False

    @property
    def size(self) -> int:
        """Bytes of one figure."""
        return self.kind.size

    def read(self, chunk: bytes, position: int, draft: _Draft) -> None:
        """Add the figure to the draft, or what stands in its place."""
        raw = self.kind.read(chunk)
        if not isinstance(raw, Decimal):
            self._lack(raw, draft)
        elif self.absent is not None and raw == self.absent:
            self._lack(Quality.UNSUCCESSFUL, draft)
        else:
            value = raw if self.step is None else raw * self.step
            draft.readings.append(
                Value(metric=self.metric, value=value, unit=self.unit, position=position)
            )

    def _lack(self, why: Quality, draft: _Draft) -> None:
        if not self.optional:
            draft.quality |= why
            draft.void = True


@dataclass(frozen=True, slots=True)
class Clock:
    """Date Time 2A08: the device's wall clock, or 0 where it doesn't know."""

    when: int = 0
    unless: int = 0
    many: bool = False
    size: int = 7

    def read(self, chunk: bytes, _position: int, draft: _Draft) -> None:
        """Set the device time, or say that its clock is unset or at its firmware's default."""
        year, month, day, hour, minute, second = struct.unpack("<HBBBBB", chunk)
        try:
            wall = datetime(year or 1, month or 1, day or 1, hour, minute, second)  # noqa: DTZ001 - a device's wall clock has no zone
        except ValueError as error:
            raise FrameError(
                f"no such date and time: {chunk.hex()}", reason=Reason.FRAME_NO_VALUE
            ) from error
        if 0 in (year, month, day):
            draft.quality |= Quality.CLOCK_UNSET
            return
        draft.device_time = wall
        if _is_firmware_default(wall):
            draft.quality |= Quality.CLOCK_DEFAULT


def _is_firmware_default(wall: datetime) -> bool:
    """Say whether a clock was never set: before 2015, or the first minutes of a January 1st."""
    midnight = (wall.month, wall.day, wall.hour) == (1, 1, 0) and wall.minute < 10
    return wall.year < 2015 or midnight


@dataclass(frozen=True, slots=True)
class User:
    """The user slot of a shared device; 255 is somebody unknown."""

    when: int = 0
    unless: int = 0
    many: bool = False
    size: int = 1

    def read(self, chunk: bytes, _position: int, draft: _Draft) -> None:
        """Set the slot, or say that the device doesn't know who it was."""
        if chunk[0] == 0xFF:
            draft.quality |= Quality.USER_UNKNOWN
        else:
            draft.user = chunk[0]


@dataclass(frozen=True, slots=True)
class Status:
    """Status bits that qualify every figure of the frame; `voids` are those that leave none."""

    bits: Bits
    when: int = 0
    unless: int = 0
    voids: int = 0
    size: int = 2
    many: bool = False

    def read(self, chunk: bytes, _position: int, draft: _Draft) -> None:
        """Carry each announced bit into the quality."""
        word = int.from_bytes(chunk, "little")
        draft.quality |= _qualities(self.bits, word)
        draft.void = draft.void or bool(word & self.voids)


@dataclass(frozen=True, slots=True)
class Skip:
    """Bytes that carry nothing Balise keeps as a reading; they stay in the raw frame."""

    size: int
    when: int = 0
    unless: int = 0
    many: bool = False

    def read(self, chunk: bytes, position: int, draft: _Draft) -> None:
        """Pass over."""


Part = Number | Clock | User | Status | Skip


@dataclass(frozen=True, slots=True)
class Frame:
    """A characteristic's layout: `flag_bits` qualify the reading by the flags themselves."""

    name: str
    service: str
    characteristic: str
    parts: tuple[Part, ...]
    flags_size: int = 1
    flag_bits: Bits = ()

    def decode(self, data: bytes) -> Decoded:
        """Return what the bytes say; raise FrameError where they don't follow the layout."""
        draft = _Draft()
        flags = int.from_bytes(self._take(data, 0, self.flags_size, "flags"), "little")
        draft.quality |= _qualities(self.flag_bits, flags)
        at = self.flags_size
        for part in self.parts:
            if flags & part.when == part.when and not flags & part.unless:
                at = self._read(part, data, at, draft)
        if at < len(data):
            raise FrameError(
                f"{self.characteristic}: {len(data) - at} bytes too many after byte {at}",
                reason=Reason.FRAME_OVERLONG,
            )
        return self._decoded(draft)

    def _read(self, part: Part, data: bytes, at: int, draft: _Draft) -> int:
        position = 0
        while True:
            chunk = self._take(data, at, part.size, type(part).__name__.lower())
            part.read(chunk, position, draft)
            at += part.size
            position += 1
            if not part.many or at >= len(data):
                return at

    def _take(self, data: bytes, at: int, size: int, what: str) -> bytes:
        chunk = data[at : at + size]
        if len(chunk) < size:
            raise FrameError(
                f"{self.characteristic}: {size} bytes of {what} expected at byte {at},"
                f" {len(chunk)} there"
            )
        return chunk

    def _decoded(self, draft: _Draft) -> Decoded:
        void = draft.void or not draft.readings
        return Decoded(
            service=self.service,
            characteristic=self.characteristic,
            readings=() if void else tuple(draft.readings),
            device_time=draft.device_time,
            user=draft.user,
            quality=draft.quality,
            state=State.NO_VALUE if void else State.MEASURED,
        )
