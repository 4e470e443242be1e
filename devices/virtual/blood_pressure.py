"""A virtual cuff: Blood Pressure service 0x1810, measurement 0x2A35 indicated from memory."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.virtual.encode import sfloat, u16
from devices.virtual.peripheral import Peripheral

TIME, PULSE, STATUS = 0x02, 0x04, 0x10


class BloodPressureCuff(Peripheral):
    """A cuff that advertises while there is a measurement nobody has confirmed."""

    SERVICE = 0x1810
    STORED = 0x2A35
    FEATURES: ClassVar[dict[int, bytes]] = {0x2A49: b"\x00\x00"}

    def measure(
        self,
        *,
        systolic: Decimal | None,
        diastolic: Decimal | None,
        mean: Decimal | None = None,
        pulse: Decimal | None = None,
        status: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Keep a measurement in mmHg, pulse in beats a minute, and return its frame.

        Without a value, not a number is sent; `status` holds the bits of the specification, `at`
        the true local time.
        """
        stamp = self.stamp(at)
        flags = TIME if stamp else 0
        rest = stamp
        if pulse is not None:
            flags, rest = flags | PULSE, rest + sfloat(pulse)
        if status is not None:
            flags, rest = flags | STATUS, rest + u16(status)
        pressures = b"".join(map(sfloat, (systolic, diastolic, mean)))
        return self.keep(bytes((flags,)) + pressures + rest)
