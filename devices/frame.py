"""The reader of Bluetooth health characteristics: a frame is declared, not programmed.

A characteristic is a `Frame`: flags first, then its parts in wire order. Whatever the bytes, the
answer is what they say or a `FrameError` that names the byte where too few or too many came.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from balise.errors import FrameError, Reason
from balise.model import Decoded, State
from devices.parts import Bits, Draft, Names, Part, Read, Status, qualities

_FLAGS_CODE = {0: "", 1: "x", 2: "2x", 3: "3x", 4: "4x"}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How frames of one shape (same flags, same length) are read."""

    unpack: Callable[[bytes], tuple[Any, ...]]
    reads: tuple[Read, ...]
    quality: int
    awaits: tuple[str, ...]


Awaits = tuple[tuple[int, int, str], ...]
"""Rows (mask, value, characteristic): with those flags, that characteristic must come along."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A characteristic's layout; `flag_bits` qualify the reading by the flags themselves.

    `state` is what its frames are when they hold all their figures; `also` lists other services
    that have the same characteristic.
    """

    name: str
    service: str
    characteristic: str
    parts: tuple[Part, ...]
    flags_size: int = 1
    flag_bits: Bits = ()
    awaits: Awaits = ()
    state: State = State.MEASURED
    also: tuple[str, ...] = ()
    _plans: dict[tuple[int, int], _Plan] = field(
        default_factory=dict[tuple[int, int], _Plan], init=False, repr=False, compare=False
    )

    def decode(self, data: bytes) -> tuple[Decoded, ...]:
        """Return what the bytes say; raise FrameError where they don't follow the layout."""
        return (self.draft(data),)

    def draft(self, data: bytes) -> Decoded:
        """Return the one thing a frame of this layout says."""
        flags = int.from_bytes(data[: self.flags_size], "little")
        plan = self._plans.get((flags, len(data))) or self._plan(flags, data)
        draft = Draft(plan.quality, [], [], state=self.state)
        for read, word in zip(plan.reads, plan.unpack(data), strict=False):
            read(word, draft)
        return draft.finish(self.service, self.characteristic, plan.awaits)

    def present(self, flags: int) -> tuple[Part, ...]:
        """Return the parts that flags announce."""
        return tuple(
            part
            for part in self.parts
            if flags & part.when == part.when and not flags & part.unless
        )

    def _plan(self, flags: int, data: bytes) -> _Plan:
        """Return how a frame of this shape is read; FrameError where the bytes don't fit it."""
        self._need(data, 0, self.flags_size, "flags")
        code, at, reads = "<" + _FLAGS_CODE[self.flags_size], self.flags_size, list[Read]()
        for part in self.present(flags):
            size = struct.calcsize("<" + part.code)
            for position in range(self._times(part, size, len(data) - at)):
                self._need(data, at, size, part.label)
                code, at = code + part.code, at + size
                reads.append(part.reader(position))
        if at < len(data):
            raise FrameError(
                f"{self.characteristic}: {len(data) - at} bytes too many after byte {at}",
                reason=Reason.FRAME_OVERLONG,
            )
        awaits = tuple(other for mask, value, other in self.awaits if flags & mask == value)
        quality = qualities(self.flag_bits, flags)
        plan = _Plan(struct.Struct(code).unpack, tuple(reads), quality, awaits)
        # Bounded: a shape is one of few flags and lengths, and reserved flags are rare.
        if len(self._plans) < 1024:
            self._plans[flags, len(data)] = plan
        return plan

    @staticmethod
    def _times(part: Part, size: int, left: int) -> int:
        """Return how often a part comes: a repeated one at least once, to the frame's end."""
        return max(1, -(-left // size)) if part.many else 1

    def _need(self, data: bytes, at: int, size: int, what: str) -> None:
        there = len(data) - at
        if there < size:
            raise FrameError(
                f"{self.characteristic}: {size} bytes of {what} expected at byte {at},"
                f" {max(there, 0)} there"
            )


def feature(name: str, service: str, characteristic: str, names: Names, *, size: int = 2) -> Frame:
    """Return a feature characteristic: bits that say what a device can do."""
    return Frame(
        name=name,
        service=service,
        characteristic=characteristic,
        flags_size=0,
        state=State.INFORMATION,
        parts=(Status("feature", (), names=names, size=size),),
    )
