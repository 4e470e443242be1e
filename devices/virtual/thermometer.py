"""A virtual thermometer: Health Thermometer service 0x1809, measurement 0x2A1C indicated."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from devices.virtual.encode import float32
from devices.virtual.peripheral import Peripheral

FAHRENHEIT, TIME, SITE = 0x01, 0x02, 0x04


class Thermometer(Peripheral):
    """A thermometer that advertises while there is a measurement nobody has confirmed."""

    SERVICE = 0x1809
    STORED = 0x2A1C

    def measure(
        self,
        *,
        temperature: Decimal,
        fahrenheit: bool = False,
        site: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Keep a measurement in °C, or °F, and return its frame.

        `site` is where: 1 armpit, 2 body, 3 ear, 4 finger, 5 gut, 6 mouth, 7 rectum, 8 toe, 9
        eardrum; `at` the true local time.
        """
        stamp = self.stamp(at)
        flags = (FAHRENHEIT if fahrenheit else 0) | (TIME if stamp else 0)
        flags |= 0 if site is None else SITE
        where = b"" if site is None else bytes((site,))
        return self.keep(bytes((flags,)) + float32(temperature) + stamp + where)
