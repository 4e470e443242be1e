"""A virtual scale: Weight Scale service 0x181D, measurement 0x2A9D indicated from memory."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.virtual.encode import u16
from devices.virtual.peripheral import Peripheral

TIME = 0x02
KILOGRAM = 200
"""The wire counts in steps of 0.005 kg."""
UNSUCCESSFUL = 0xFFFF


class WeightScale(Peripheral):
    """A scale that advertises while there is a weighing nobody has confirmed."""

    SERVICE = 0x181D
    STORED = 0x2A9D
    FEATURES: ClassVar[dict[int, bytes]] = {0x2A9E: b"\x01\x00\x00\x00"}  # stamps its weighings

    def measure(self, *, weight: Decimal | None, at: datetime | None = None) -> bytes:
        """Keep a weighing in kg, None an unsuccessful one, and return its frame.

        ValueError where the weight is no multiple of 0.005 kg; `at` is the true local time.
        """
        steps = UNSUCCESSFUL if weight is None else weight * KILOGRAM
        if steps != int(steps):
            raise ValueError(f"{weight} kg is no multiple of 0.005 kg")
        stamp = self.stamp(at)
        return self.keep(bytes((TIME if stamp else 0,)) + u16(int(steps)) + stamp)
