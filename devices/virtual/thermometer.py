"""A virtual thermometer: Health Thermometer service 0x1809, measurement 0x2A1C indicated."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from devices.thermometer import MEASUREMENT
from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral

FAHRENHEIT = 0x01


class Thermometer(Peripheral):
    """A thermometer that advertises while there is a measurement nobody has confirmed."""

    SERVICE = 0x1809
    STORED = 0x2A1C
    GATT: ClassVar[gatt.Gatt] = {0x1809: {0x2A1C: gatt.INDICATE}}

    def measure(
        self,
        *,
        temperature: Decimal | None,
        fahrenheit: bool = False,
        site: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Keep a measurement in °C, or °F, None a failed one, and return its frame.

        `site` is where: 1 armpit, 2 body, 3 ear, 4 finger, 5 gut, 6 mouth, 7 rectum, 8 toe, 9
        eardrum; `at` the true local time.
        """
        rest = encode.given(body_site=site) | self.stamp(at)
        flags = FAHRENHEIT if fahrenheit else 0
        return self.keep(
            encode.frame(MEASUREMENT, flags=flags, body_temperature=temperature, **rest)
        )
