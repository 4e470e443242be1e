"""A virtual continuous glucose sensor: records 0x2AA7 live and by RACP, each with its checksum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Unpack

from devices.cgm import RECORD
from devices.crc import e2e_crc
from devices.virtual import encode, gatt
from devices.virtual.gateway import Item, Settings
from devices.virtual.records import CONTROL_POINT, Record, RecordKeeper
from devices.virtual.words import date_time, u16

MEASUREMENT, FEATURE, STATUS, START, RUN_TIME, OPERATIONS = range(0x2AA7, 0x2AAD)
FEATURES = (1 << 12 | 1 << 15 | 1 << 16).to_bytes(3, "little")
"""Checksums, trend, quality."""
INTERSTITIAL = b"\x59"
"""Interstitial fluid of subcutaneous tissue."""


def checked(data: bytes) -> bytes:
    """Return data with its checksum."""
    return data + u16(e2e_crc(data))


class ContinuousGlucoseSensor(RecordKeeper):
    """A sensor in its session, which began at `started`, or `hours` before now.

    It stays on the air; its records count minutes from the start. What is written to its
    operations control point (start, stop, calibrate) is a misdeed.
    """

    SERVICE = 0x181F
    GATT: ClassVar[gatt.Gatt] = {
        0x181F: {
            MEASUREMENT: gatt.NOTIFY,
            FEATURE: checked(FEATURES + INTERSTITIAL),
            STATUS: gatt.READ,
            START: gatt.READ | gatt.WRITE,
            RUN_TIME: checked(u16(240)),
            OPERATIONS: gatt.WRITE | gatt.INDICATE,
            **CONTROL_POINT,
        }
    }

    def __init__(self, *, hours: int = 24, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        now = self.device_time()
        self.started = now and now - timedelta(hours=hours)

    def busy(self) -> bool:
        """Return True: a sensor looks for its gateway all day."""
        return True

    def minutes(self, at: datetime | None = None) -> int:
        """Return how far the session is at a true local time, by default now."""
        moment = self.device_time(at)
        if moment is None or self.started is None:
            return 0
        return int((moment - self.started).total_seconds()) // 60

    def measure(
        self,
        *glucose: Decimal | None,
        minutes: int,
        every: int = 5,
        trend: Decimal | None = None,
        **annunciation: int | Decimal,
    ) -> bytes:
        """Keep records in mg/dL, the first at `minutes`, the next each `every`; return a packet.

        The packet is notified at once where a gateway listens. `trend` is in mg/dL a minute,
        `annunciation` the octets status, cal_temp, warning and the figure sensor_quality.
        """
        rest = encode.given(trend=trend, **annunciation)
        packet = b""
        for place, one in enumerate(glucose):
            at = minutes + place * every
            data = encode.frame(RECORD, interstitial_glucose=one, minutes=at, **rest)
            record = checked(bytes((len(data) + 3,)) + data)
            self.store(Item(MEASUREMENT, record), at=at)
            packet += record
        if self.hears(MEASUREMENT):
            self.keep(packet, MEASUREMENT)
        return packet

    def packets(self, records: Sequence[Record], room: int) -> Iterable[Item]:
        """Return records together, as many in a packet as fit."""
        packet = b""
        for record in records:
            (item,) = record.items
            if packet and len(packet) + len(item.data) > room:
                yield Item(MEASUREMENT, packet)
                packet = b""
            packet += item.data
        if packet:
            yield Item(MEASUREMENT, packet)

    def read(self, uuid: int) -> bytes:
        """Return the state of the session, or when it began."""
        if uuid == STATUS:
            return checked(u16(self.minutes()) + bytes(3))
        if uuid == START:
            unknown_zone = b"\x80\xff"
            stamp = bytes(7) if self.started is None else date_time(self.started)
            return checked(stamp + unknown_zone)
        return super().read(uuid)

    def write(self, uuid: int, data: bytes) -> None:
        """Take a request; those that change the session are misdeeds."""
        if uuid in (START, OPERATIONS):
            self.misdeeds.append(data)
        else:
            super().write(uuid, data)
