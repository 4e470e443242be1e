"""The clocks of devices: a wall clock without zone, seconds of an epoch, minutes of offset."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from balise.model import Quality
from devices.parts import Draft, Part

EPOCH_1900, EPOCH_2000 = (
    datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1900, 2000)
)
"""Where devices begin to count; a wall clock, without zone."""


@lru_cache(4096)
def wall_clock(data: bytes) -> tuple[datetime | None, int]:
    """Return what the 7 bytes of a Date Time 2A08 show, and the quality bits against it."""
    year, month, day, hour, minute, second = struct.unpack("<HBBBBB", data)
    if 0 in (year, month, day):
        return None, Quality.CLOCK_UNSET.value
    try:
        wall = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a device's wall clock has no zone
    except ValueError:
        return None, Quality.CLOCK_IMPOSSIBLE.value
    return wall, Quality.CLOCK_DEFAULT.value if is_firmware_default(wall) else 0


def is_firmware_default(wall: datetime) -> bool:
    """Say whether a clock was never set: before 2015, or the first minutes of a January 1st."""
    midnight = (wall.month, wall.day, wall.hour) == (1, 1, 0) and wall.minute < 10
    return wall.year < 2015 or midnight


@dataclass(frozen=True, slots=True)
class Clock(Part):
    """Date Time 2A08: year, month, day, hour, minute, second; 0 where the device doesn't know."""

    @property
    def code(self) -> str:
        """Seven bytes."""
        return "7s"

    def read(self, word: bytes, draft: Draft) -> None:
        """Set the device time, or say in the quality why there is none."""
        draft.device_time, quality = wall_clock(word)
        draft.quality |= quality


@dataclass(frozen=True, slots=True)
class Seconds(Part):
    """A wall clock as seconds from an epoch: u32, 0 where nobody set it."""

    epoch: datetime

    @property
    def code(self) -> str:
        """Four bytes."""
        return "I"

    @property
    def label(self) -> str:
        """What an error calls it."""
        return "seconds of the clock"

    def read(self, word: int, draft: Draft) -> None:
        """Set the device time."""
        if word == 0:
            draft.quality |= Quality.CLOCK_UNSET.value
            return
        draft.device_time = self.epoch + timedelta(seconds=word)
        if is_firmware_default(draft.device_time):
            draft.quality |= Quality.CLOCK_DEFAULT.value


@dataclass(frozen=True, slots=True)
class Minutes(Part):
    """Minutes that the user moved the displayed clock ahead of the base time: s16."""

    @property
    def code(self) -> str:
        """Two bytes, signed."""
        return "h"

    @property
    def label(self) -> str:
        """What an error calls it."""
        return "time offset"

    def read(self, word: int, draft: Draft) -> None:
        """Move the device time by the offset and keep both as facts; an overrun says nothing."""
        draft.facts.append(("time_offset_minutes", str(word)))
        base = draft.device_time
        if base is None:
            return
        draft.facts.append(("base_time", base.isoformat()))
        draft.device_time, quality = moved(base, minutes=word)
        if word in (0x7FFF, -0x8000):
            draft.device_time, quality = base, Quality.CLOCK_FAULT.value
        draft.quality |= quality


def moved(base: datetime, *, minutes: int) -> tuple[datetime | None, int]:
    """Return a wall clock moved by minutes; beyond the calendar there is none."""
    try:
        return base + timedelta(minutes=minutes), 0
    except OverflowError:
        return None, Quality.CLOCK_IMPOSSIBLE.value
