"""A virtual Generic Health Sensor: observations 0x2B8B live, 0x2BDD stored and asked for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Unpack

from bumble.att import ATT_Error, ErrorCode

from devices import racp
from devices.virtual import gatt
from devices.virtual.gateway import Item, Settings
from devices.virtual.records import CONTROL_POINT, RecordKeeper
from devices.virtual.segments import Cutter
from devices.virtual.wall import CURRENT_TIMELINE, ELAPSED_2BF2
from devices.virtual.words import Figure, elapsed, float32, u16

LIVE, RECORD, FEATURES, SENSOR_CONTROL = 0x2B8B, 0x2BDD, 0x2BF3, 0x2BF4
START, STOP, SUCCESS = b"\x01", b"\x02", b"\x80"
COMMAND_UNSUPPORTED = 0x81

NUMERIC, COMPOUND = 1, 7
TYPE, TIME, PATIENT = 0x01, 0x02, 0x20
SATURATION, PERCENT = 150456, 544
PRESSURE, MILLIMETRES = 150020, 3872
PRESSURES = (150021, 150022, 150023)
"""Systolic, diastolic, mean."""


def u32(value: int) -> bytes:
    """Return 4 bytes, the low one first."""
    return value.to_bytes(4, "little")


def quantity(unit: int, value: Figure) -> bytes:
    """Return a numeric value: the term of its unit, the number."""
    return u16(unit) + float32(value)


def components(types: tuple[int, ...], unit: int, values: tuple[Figure, ...]) -> bytes:
    """Return a compound value of numbers that share their unit."""
    rows = [
        u32(one) + bytes((NUMERIC,)) + quantity(unit, value)
        for one, value in zip(types, values, strict=True)
    ]
    return bytes((len(rows),)) + b"".join(rows)


def observation(
    kind: int, mdc: int, value: bytes, *, stamp: bytes = b"", patient: int | None = None
) -> bytes:
    """Return an observation of a class and an MDC type, from its value's bytes."""
    who = b"" if patient is None else bytes((patient,))
    flags = TYPE | (TIME if stamp else 0) | (PATIENT if who else 0)
    rest = u16(flags) + u32(mdc) + stamp + who + value
    return bytes((kind,)) + u16(len(rest)) + rest


class GenericHealthSensor(RecordKeeper):
    """A sensor that tells live observations once it is told to start, and keeps the others."""

    SERVICE = 0x1840
    STORED = LIVE
    REPORT = racp.COMBINED
    WIDTH = 4
    GATT: ClassVar[gatt.Gatt] = {
        0x1840: {
            LIVE: gatt.NOTIFY | gatt.INDICATE,
            RECORD: gatt.NOTIFY | gatt.INDICATE,
            FEATURES: b"\x00\x02" + u32(SATURATION) + u32(PRESSURE),
            SENSOR_CONTROL: gatt.WRITE | gatt.INDICATE,
            **CONTROL_POINT,
        }
    }
    TIME: ClassVar[gatt.Gatt] = {0x183F: {ELAPSED_2BF2: gatt.READ | gatt.WRITE}}

    def __init__(self, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self._cutter = Cutter()
        self._started = False

    def saturation(
        self, value: Figure, *, patient: int | None = None, at: datetime | None = None
    ) -> bytes:
        """Observe an oxygen saturation in %, and return the observation."""
        return self._observe(NUMERIC, SATURATION, quantity(PERCENT, value), patient, at)

    def pressure(
        self,
        *values: Decimal | None,
        patient: int | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Observe systolic, diastolic and mean pressure in mmHg, and return the observation."""
        body = components(PRESSURES, MILLIMETRES, values)
        return self._observe(COMPOUND, PRESSURE, body, patient, at)

    def _observe(
        self, kind: int, mdc: int, value: bytes, patient: int | None, at: datetime | None
    ) -> bytes:
        """Tell an observation where live ones are wanted, and store it where not."""
        moment = self.device_time(at)
        stamp = b"" if self.wall is None else elapsed(moment, flags=CURRENT_TIMELINE)
        made = observation(kind, mdc, value, stamp=stamp, patient=patient)
        if self._started and self.hears(LIVE):
            for segment in self._cutter.cut(made):
                self.keep(segment, LIVE)
        else:
            numbered = u32(self._next) + made
            self.store(*(Item(RECORD, one) for one in self._cutter.cut(numbered)))
        return made

    def connected(self) -> None:
        """Begin with a gateway, live observations stopped."""
        super().connected()
        self._started = False

    def write(self, uuid: int, data: bytes) -> None:
        """Take a request to start or to stop live observations."""
        if uuid != SENSOR_CONTROL:
            super().write(uuid, data)
            return
        if data not in (START, STOP):
            raise ATT_Error(COMMAND_UNSUPPORTED)
        if not self.hears(SENSOR_CONTROL):
            raise ATT_Error(ErrorCode.CCCD_IMPROPERLY_CONFIGURED)
        self._started = data == START
        self.answers.put_nowait(Item(SENSOR_CONTROL, SUCCESS))
