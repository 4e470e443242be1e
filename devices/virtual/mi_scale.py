"""A virtual Xiaomi scale: the weight stands in its advertisements, never on a link."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from bumble.core import UUID, AdvertisingData

from devices.mi_scale import SCALE_1, SCALE_2
from devices.virtual import encode, gatt
from devices.virtual.peripheral import Peripheral

STABLE_1, REMOVED_1 = 0x20, 0x80
STABLE_2, REMOVED_2, KILOGRAMS_2 = 0x2000, 0x8000, 0x0002


class MiScale(Peripheral):
    """The scale that measures impedance too; it repeats what it shows until somebody steps off."""

    SERVICE = 0x181B
    GATT: ClassVar[gatt.Gatt] = {}

    _shown: bytes | None = None

    def show(
        self,
        *,
        weight: Decimal,
        impedance: Decimal | None = None,
        stable: bool = True,
        removed: bool = False,
        at: datetime | None = None,
    ) -> bytes:
        """Advertise a weight in kg from now on, and return its service data."""
        flags = (STABLE_2 if stable else 0) | (REMOVED_2 if removed else 0) | KILOGRAMS_2
        self._shown = encode.frame(
            SCALE_2,
            flags=flags,
            clock=self.device_time(at),
            body_impedance=impedance,
            body_weight=weight,
        )
        self.wake()
        return self._shown

    async def weigh(
        self, *, on_the_way: Sequence[Decimal], weight: Decimal, impedance: Decimal | None = None
    ) -> bytes:
        """Show each weight on the way for a period, then the stable one until somebody steps off.

        All frames of a weighing carry one time.
        """
        at = None if self.wall is None else self.wall.now()
        for one in on_the_way:
            self.show(weight=one, stable=False, at=at)
            await asyncio.sleep(self.period)
        return self.show(weight=weight, impedance=impedance, at=at)

    def step_off(self) -> None:
        """Go silent."""
        self._shown = None
        self.wake()

    def busy(self) -> bool:
        """Whether somebody stands on it, or just did."""
        return self._shown is not None

    def service_data(self) -> tuple[int, bytes]:
        """Return the service and what it says."""
        return self.SERVICE, self._shown or b""

    def advertisement(self) -> bytes:
        """Return the flags, the service with its data, the name as far as it fits."""
        kind = AdvertisingData.Type
        service, data = self.service_data()
        head = UUID.from_16_bits(service).to_bytes()
        rows = [(kind.FLAGS, b"\x06"), (kind.SERVICE_DATA_16_BIT_UUID, head + data)]
        room = 31 - len(bytes(AdvertisingData(rows))) - 2
        name = self.name.encode()
        whole = len(name) <= room
        title = kind.COMPLETE_LOCAL_NAME if whole else kind.SHORTENED_LOCAL_NAME
        return bytes(AdvertisingData([*rows, (title, name[:room])]))


class MiScaleOne(MiScale):
    """The scale that only weighs."""

    SERVICE = 0x181D

    def show(
        self,
        *,
        weight: Decimal,
        impedance: Decimal | None = None,
        stable: bool = True,
        removed: bool = False,
        at: datetime | None = None,
    ) -> bytes:
        """Advertise a weight in kg from now on, and return its service data."""
        del impedance
        flags = (STABLE_1 if stable else 0) | (REMOVED_1 if removed else 0)
        clock = self.device_time(at)
        self._shown = encode.frame(SCALE_1, flags=flags, body_weight=weight, clock=clock)
        self.wake()
        return self._shown
