"""A virtual cuff: Blood Pressure service 0x1810, measurement 0x2A35 indicated from memory."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.blood_pressure import MEASUREMENT
from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral


class BloodPressureCuff(Peripheral):
    """A cuff that advertises while there is a measurement nobody has confirmed."""

    SERVICE = 0x1810
    STORED = 0x2A35
    GATT: ClassVar[gatt.Gatt] = {0x1810: {0x2A35: gatt.INDICATE, 0x2A49: b"\x00\x00"}}

    def measure(
        self,
        *,
        systolic: Decimal | None,
        diastolic: Decimal | None,
        mean: Decimal | None = None,
        pulse: Decimal | None = None,
        user: int | None = None,
        status: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Keep a measurement in mmHg, pulse in beats a minute, and return its frame.

        Without a value, not a number is sent; `status` holds the bits of the specification, `at`
        the true local time.
        """
        figures = {
            "systolic_blood_pressure": systolic,
            "diastolic_blood_pressure": diastolic,
            "mean_arterial_pressure": mean,
            **encode.given(pulse_rate=pulse, user=user, measurement_status=status),
        }
        return self.keep(encode.frame(MEASUREMENT, **figures, **self.stamp(at)))
