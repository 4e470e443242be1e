"""A device's own clock: what it shows, what stands on its records, how a gateway sets it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timedelta

from bumble.att import ATT_Error, ErrorCode

from devices.clock import EPOCH_2000
from devices.time_services import CURRENT_TIME
from devices.virtual.encode import frame
from devices.virtual.faults import Faults
from devices.virtual.words import date_time, elapsed

Clock = Callable[[], datetime]
"""The true local time where the device is, naive, as a device's own clock is."""

CURRENT_TIME_2A2B, DATE_TIME_2A08, ELAPSED_2BF2 = 0x2A2B, 0x2A08, 0x2BF2
CURRENT_TIMELINE = 0x20


class WallClock:
    """A clock that runs `offset` ahead of the true local time, or shows nothing until it is set."""

    def __init__(self, true: Clock, faults: Faults) -> None:
        self._true = true
        self.offset = timedelta()
        self.is_set = True
        self.restart(faults)

    def restart(self, faults: Faults) -> None:
        """Begin as after a new battery."""
        self.is_set = not faults.clock_unset
        self.offset = faults.clock_off
        if faults.clock_default is not None:
            self.offset = faults.clock_default - self._true()

    def now(self) -> datetime:
        """Return the true local time."""
        return self._true()

    def shows(self, at: datetime | None = None) -> datetime | None:
        """Return what it shows at a true local time, by default now; None where it is unset."""
        return (at or self._true()) + self.offset if self.is_set else None

    def set(self, moment: datetime) -> None:
        """Have it show a moment now."""
        self.offset, self.is_set = moment - self._true(), True

    def read(self, uuid: int) -> bytes:
        """Return a characteristic of time."""
        now = self.shows()
        if uuid == ELAPSED_2BF2:
            needs_set, manages_nothing = bytes((not self.is_set,)), b"\0"
            return elapsed(now, flags=CURRENT_TIMELINE) + needs_set + manages_nothing
        if uuid == DATE_TIME_2A08:
            return bytes(7) if now is None else date_time(now)
        return frame(
            CURRENT_TIME,
            clock=now,
            day_of_week=now.isoweekday() if now else 0,
            fractions256=now.microsecond * 256 // 1_000_000 if now else 0,
            adjust_reason=0,
        )

    def write(self, uuid: int, data: bytes) -> None:
        """Set the clock; ATT_Error where the bytes are no time."""
        try:
            self.set(_elapsed(data) if uuid == ELAPSED_2BF2 else _wall(data))
        except (ValueError, struct.error) as error:
            raise ATT_Error(ErrorCode.VALUE_NOT_ALLOWED) from error


def _wall(data: bytes) -> datetime:
    return datetime(*struct.unpack("<HBBBBB", data[:7]))  # noqa: DTZ001 - a wall clock has no zone


def _elapsed(data: bytes) -> datetime:
    seconds = int.from_bytes(data[1:7], "little")
    return EPOCH_2000 + timedelta(seconds=seconds)
