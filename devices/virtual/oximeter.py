"""A virtual oximeter: Pulse Oximeter service 0x1822, spot-check 0x2A5E and continuous 0x2A5F."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.virtual.encode import sfloat, u16
from devices.virtual.peripheral import Peripheral

TIME, STATUS = 0x01, 0x02


class Oximeter(Peripheral):
    """An oximeter: spot-checks from memory, and a stream while a finger is in it."""

    SERVICE = 0x1822
    STORED = 0x2A5E
    STREAMED = 0x2A5F
    FEATURES: ClassVar[dict[int, bytes]] = {0x2A60: b"\x00\x00"}

    _finger: bytes | None = None

    def measure(
        self,
        *,
        saturation: Decimal | None,
        pulse: Decimal | None,
        status: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Keep a spot-check, in % and beats a minute, and return its frame.

        Without a value, not a number is sent; `status` holds the measurement status bits of the
        specification, `at` the true local time.
        """
        stamp = self.stamp(at)
        flags = (TIME if stamp else 0) | (0 if status is None else STATUS)
        rest = b"" if status is None else u16(status)
        values = sfloat(saturation) + sfloat(pulse)
        return self.keep(bytes((flags,)) + values + stamp + rest)

    def finger_in(self, *, saturation: Decimal | None, pulse: Decimal | None) -> bytes:
        """Set what is notified each `period` from now on, and return its frame."""
        self._finger = b"\x00" + sfloat(saturation) + sfloat(pulse)
        self.wake()
        return self._finger

    def finger_out(self) -> None:
        """Stop the stream."""
        self._finger = None
        self.wake()

    def live(self) -> bytes | None:
        """Return what is measured on the finger, None without one."""
        return self._finger
