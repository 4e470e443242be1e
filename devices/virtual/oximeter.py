"""A virtual oximeter: Pulse Oximeter service 0x1822, spot-check 0x2A5E and continuous 0x2A5F."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.oximeter import CONTINUOUS, SPOT_CHECK
from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral

CLOCK_NOT_SET = 0x10


class Oximeter(Peripheral):
    """An oximeter: spot-checks from memory, and a stream while a finger is in it."""

    SERVICE = 0x1822
    STORED = 0x2A5E
    STREAMED = 0x2A5F
    GATT: ClassVar[gatt.Gatt] = {
        0x1822: {0x2A5E: gatt.INDICATE, 0x2A5F: gatt.NOTIFY, 0x2A60: b"\x00\x00"}
    }

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
        rest = encode.given(measurement_status=status) | self.stamp(at)
        flags = CLOCK_NOT_SET if None in self.stamp(at).values() else 0
        figures = {"oxygen_saturation": saturation, "pulse_rate": pulse, **rest}
        return self.keep(encode.frame(SPOT_CHECK, flags=flags, **figures))

    def finger_in(self, *, saturation: Decimal | None, pulse: Decimal | None) -> bytes:
        """Set what is notified each `period` from now on, and return its frame."""
        self._finger = encode.frame(CONTINUOUS, oxygen_saturation=saturation, pulse_rate=pulse)
        self.wake()
        return self._finger

    def finger_out(self) -> None:
        """Stop the stream."""
        self._finger = None
        self.wake()

    def live(self) -> bytes | None:
        """Return what is measured on the finger, None without one."""
        return self._finger
