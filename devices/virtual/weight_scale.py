"""A virtual scale: Weight Scale service 0x181D, measurement 0x2A9D indicated from memory."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral
from devices.weight_scale import MEASUREMENT

STAMPS = b"\x01\x00\x00\x00"
"""The features of a scale that stamps its weighings."""


class WeightScale(Peripheral):
    """A scale that advertises while there is a weighing nobody has confirmed."""

    SERVICE = 0x181D
    STORED = 0x2A9D
    GATT: ClassVar[gatt.Gatt] = {0x181D: {0x2A9D: gatt.INDICATE, 0x2A9E: STAMPS}}

    def measure(
        self, *, weight: Decimal | None, user: int | None = None, at: datetime | None = None
    ) -> bytes:
        """Keep a weighing in kg, None an unsuccessful one, and return its frame.

        ValueError where the weight is no multiple of 0.005 kg; `at` is the true local time.
        """
        rest = encode.given(user=user) | self.stamp(at)
        return self.keep(encode.frame(MEASUREMENT, body_weight=weight, **rest))
