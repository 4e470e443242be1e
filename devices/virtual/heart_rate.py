"""A virtual chest strap: Heart Rate service 0x180D, measurement 0x2A37 notified each second."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from devices.heart_rate import MEASUREMENT
from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral

WIDE, CONTACT, CONTACT_KNOWN = 0x01, 0x02, 0x04
_MILLISECONDS = Decimal(1000) / 1024


def measurement(
    *,
    bpm: int,
    rr_intervals: Sequence[int] = (),
    contact: bool | None = None,
    energy: int | None = None,
) -> bytes:
    """Return a 0x2A37: beats a minute, intervals in 1/1024 s, oldest first, energy in kJ."""
    flags = 0 if contact is None else CONTACT_KNOWN | (CONTACT if contact else 0)
    flags |= WIDE if bpm > 0xFF else 0
    intervals = [one * _MILLISECONDS for one in rr_intervals]
    rest = encode.given(energy_expended=energy, rr_interval=intervals or None)
    return encode.frame(MEASUREMENT, flags=flags, heart_rate=bpm, **rest)


class HeartRateStrap(Peripheral):
    """A strap that advertises always and tells the beat set last, without memory."""

    SERVICE = 0x180D
    STREAMED = 0x2A37
    GATT: ClassVar[gatt.Gatt] = {0x180D: {0x2A37: gatt.NOTIFY, 0x2A38: b"\x01"}}  # on the chest

    _beat = measurement(bpm=0, contact=False)

    def beat(
        self, *, bpm: int, rr_intervals: Sequence[int] = (), contact: bool | None = True
    ) -> bytes:
        """Set what is notified each `period` from now on, and return its frame."""
        self._beat = measurement(bpm=bpm, rr_intervals=rr_intervals, contact=contact)
        return self._beat

    def live(self) -> bytes:
        """Return the beat set last."""
        return self._beat
