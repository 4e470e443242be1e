"""A virtual cuff of the enhanced profile: 0x2B34 indicated live, records 0x2B36 asked for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from devices.enhanced_blood_pressure import MEASUREMENT
from devices.virtual import encode, gatt
from devices.virtual.gateway import Item
from devices.virtual.records import CONTROL_POINT, RecordKeeper
from devices.virtual.segments import Cutter
from devices.virtual.words import u16

LIVE, RECORD = 0x2B34, 0x2B36
EPOCH_2000 = 0x40


class EnhancedBloodPressureCuff(RecordKeeper):
    """A cuff that indicates what is measured before a gateway, and keeps all as records."""

    SERVICE = 0x1810
    STORED = LIVE
    GATT: ClassVar[gatt.Gatt] = {
        0x1810: {
            LIVE: gatt.INDICATE,
            RECORD: gatt.NOTIFY,
            0x2A49: b"\x00\x01",  # user-facing time
            **CONTROL_POINT,
        }
    }

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
        """Measure in mmHg and beats a minute, and return the 0x2B34.

        It is indicated at once where a gateway listens, and kept as a record otherwise.
        """
        figures: dict[str, Any] = {
            "systolic_blood_pressure": systolic,
            "diastolic_blood_pressure": diastolic,
            "mean_arterial_pressure": mean,
            **encode.given(pulse_rate=pulse, user=user, measurement_status=status),
        }
        stamp = self.stamp(at)
        flags = EPOCH_2000 if stamp else 0
        frame = encode.frame(MEASUREMENT, flags=flags, **figures, **stamp)
        if self.hears(LIVE):
            return self.keep(frame)
        head = u16(self._next) + u16(LIVE)
        self.store(*(Item(RECORD, one) for one in Cutter().cut(head + frame)))
        return frame
