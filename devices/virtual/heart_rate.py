"""A virtual chest strap: Heart Rate service 0x180D, measurement 0x2A37 notified each second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from devices.virtual.encode import u16
from devices.virtual.peripheral import Peripheral

WIDE, CONTACT, CONTACT_KNOWN, RR = 0x01, 0x02, 0x04, 0x10


def measurement(
    *, bpm: int, rr_intervals: Sequence[int] = (), contact: bool | None = None
) -> bytes:
    """Return a 0x2A37: beats a minute, the intervals between beats in 1/1024 s, oldest first."""
    flags = 0 if contact is None else CONTACT_KNOWN | (CONTACT if contact else 0)
    flags |= (WIDE if bpm > 0xFF else 0) | (RR if rr_intervals else 0)
    rate = u16(bpm) if flags & WIDE else bytes((bpm,))
    return bytes((flags,)) + rate + b"".join(map(u16, rr_intervals))


class HeartRateStrap(Peripheral):
    """A strap that advertises always and tells the beat set last, without memory."""

    SERVICE = 0x180D
    STREAMED = 0x2A37
    FEATURES: ClassVar[dict[int, bytes]] = {0x2A38: b"\x01"}  # worn on the chest

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
