"""A virtual glucose meter: 0x2A18 and its context 0x2A34, asked for by RACP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from devices.glucose import CONTEXT, MEASUREMENT
from devices.virtual import encode, gatt
from devices.virtual.gateway import Item
from devices.virtual.records import CONTROL_POINT, Record, RecordKeeper
from devices.virtual.wall import DATE_TIME_2A08

GLUCOSE, MEAL, FEATURE = 0x2A18, 0x2A34, 0x2A51
MOLAR, CONTEXT_FOLLOWS = 0x04, 0x10
FINGER_BLOOD = (1, 1)
"""Capillary whole blood of a finger, as (type, location)."""


class GlucoseMeter(RecordKeeper):
    """A meter, whose clock is a Date Time in its own service, as in most."""

    SERVICE = 0x1808
    GATT: ClassVar[gatt.Gatt] = {
        0x1808: {
            GLUCOSE: gatt.NOTIFY,
            MEAL: gatt.NOTIFY,
            FEATURE: b"\x00\x00",
            DATE_TIME_2A08: gatt.READ | gatt.WRITE,
            **CONTROL_POINT,
        }
    }
    TIME: ClassVar[gatt.Gatt] = {}

    def measure(  # noqa: PLR0913 - a row of what a meter keeps
        self,
        *,
        glucose: Decimal | None,
        molar: bool = False,
        sample: tuple[int, int] = FINGER_BLOOD,
        status: int | None = None,
        offset: int | None = None,
        context: Mapping[str, Any] | None = None,
        sequence: int | None = None,
        at: datetime | None = None,
    ) -> Record:
        """Keep a record in mg/dL, or mmol/L, and return it.

        `sample` is its type and location, `offset` the minutes that the user moved the clock ahead
        of its base time, `context` what 0x2A34 says, by name of part.
        """
        numbered = self._next if sequence is None else sequence
        items = [Item(GLUCOSE, b"")]
        if context is not None:
            items.append(Item(MEAL, encode.frame(CONTEXT, sequence=numbered, **context)))
        flags = (MOLAR if molar else 0) | (0 if context is None else CONTEXT_FOLLOWS)
        on_the_wire = glucose and glucose.scaleb(-3 if molar else -5)  # mol/L, kg/L
        base = self.device_time(at)
        items[0] = Item(
            GLUCOSE,
            encode.frame(
                MEASUREMENT,
                flags=flags,
                sequence=numbered,
                clock=base and base - timedelta(minutes=offset or 0),
                blood_glucose=on_the_wire,
                sample=sample,
                **encode.given(offset=offset, sensor_status=status),
            ),
        )
        return self.store(*items, at=numbered)
