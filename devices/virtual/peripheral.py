"""What every virtual device has: a name on the air, a clock, a memory, the common services."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from bumble.core import UUID
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from devices.virtual import encode

Clock = Callable[[], datetime]
"""The true local time where the device is, naive, as a device's own clock is."""

LONGEST_NAME = 22
"""Bytes: flags, the service and the name share the 31 bytes of an advertisement."""

BATTERY, BATTERY_LEVEL = 0x180F, 0x2A19
DEVICE_INFORMATION, MAKER, MODEL = 0x180A, 0x2A29, 0x2A24
CURRENT_TIME_SERVICE, CURRENT_TIME = 0x1805, 0x2A2B


class Peripheral:
    """A virtual device; a class per kind says its service and makes its frames.

    `memory` holds the frames no gateway has confirmed yet, oldest first; `confirmed` the others,
    in the order of their confirmation, each also given to `on_confirmed`. A device with a `clock`
    stamps its frames and offers Current Time, `clock_offset` after the true local time.
    """

    SERVICE: ClassVar[int]
    STORED: ClassVar[int | None] = None
    """The characteristic that indicates what is in memory."""
    STREAMED: ClassVar[int | None] = None
    """The characteristic that notifies what is measured now, with no memory."""
    FEATURES: ClassVar[dict[int, bytes]] = {}
    """The characteristics with a fixed value."""

    def __init__(  # noqa: PLR0913 - what a maker decides of a device
        self,
        *,
        address: str,
        name: str,
        clock: Clock | None = None,
        maker: str = "",
        model: str = "",
        battery: int | None = None,
        period: float = 1.0,
        linger: float = 3.0,
        on_confirmed: Callable[[bytes], None] | None = None,
    ) -> None:
        if len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"{name} is longer than {LONGEST_NAME} bytes")
        self.address, self.name = address, name
        self.clock_offset = timedelta()
        self.period = period  # seconds between two notifications
        self.linger = linger  # seconds a link stays with nothing left to say
        self.memory: deque[bytes] = deque()
        self.confirmed: list[bytes] = []
        self.stored = _characteristic(self.STORED, Characteristic.Properties.INDICATE)
        self.streamed = _characteristic(self.STREAMED, Characteristic.Properties.NOTIFY)
        self._clock, self._on_confirmed = clock, on_confirmed
        self._maker, self._model, self._battery = maker, model, battery
        self._changed = asyncio.Event()
        for characteristic in (self.stored, self.streamed):
            if characteristic is not None:
                characteristic.on(Characteristic.EVENT_SUBSCRIPTION, lambda *_: self.wake())

    def device_time(self, at: datetime | None = None) -> datetime | None:
        """Return what the device's clock shows at a true local time, by default now."""
        if self._clock is None:
            return None
        return (at or self._clock()) + self.clock_offset

    def stamp(self, at: datetime | None) -> bytes:
        """Return the time stamp of a frame, empty where the device has no clock."""
        moment = self.device_time(at)
        return b"" if moment is None else encode.date_time(moment)

    def live(self) -> bytes | None:
        """Return the frame to notify now, None where nothing is being measured."""
        return None

    def busy(self) -> bool:
        """Whether there is something to tell: the device advertises, and holds its link."""
        return bool(self.memory) or self.live() is not None

    def keep(self, frame: bytes) -> bytes:
        """Put a measurement into memory, until a gateway confirms it."""
        self.memory.append(frame)
        self.wake()
        return frame

    def confirm(self) -> None:
        """Move the oldest frame from memory to what is confirmed."""
        frame = self.memory.popleft()
        self.confirmed.append(frame)
        if self._on_confirmed is not None:
            self._on_confirmed(frame)
        self.wake()

    def wake(self) -> None:
        """Have what waits in `until` look again."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this device holds."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def services(self) -> list[Service]:
        """Return the services a gateway discovers."""
        own = [one for one in (self.stored, self.streamed) if one is not None]
        own += [_readable(uuid, value) for uuid, value in self.FEATURES.items()]
        services = [_service(self.SERVICE, *own)]
        texts = {MAKER: self._maker, MODEL: self._model}
        if told := [_readable(uuid, text.encode()) for uuid, text in texts.items() if text]:
            services.append(_service(DEVICE_INFORMATION, *told))
        if self._battery is not None:
            level = _readable(BATTERY_LEVEL, bytes((self._battery,)))
            services.append(_service(BATTERY, level))
        if self._clock is not None:
            now = CharacteristicValue[bytes](read=self._read_time)
            services.append(_service(CURRENT_TIME_SERVICE, _readable(CURRENT_TIME, now)))
        return services

    def _read_time(self, _connection: Connection) -> bytes:
        moment = self.device_time()
        return b"" if moment is None else encode.current_time(moment)


def _service(uuid: int, *characteristics: Characteristic[bytes]) -> Service:
    return Service(UUID.from_16_bits(uuid), characteristics)


def _readable(uuid: int, value: bytes | CharacteristicValue[bytes]) -> Characteristic[bytes]:
    read = Characteristic.Properties.READ
    return Characteristic(UUID.from_16_bits(uuid), read, Characteristic.READABLE, value)


def _characteristic(
    uuid: int | None, properties: Characteristic.Properties
) -> Characteristic[bytes] | None:
    if uuid is None:
        return None
    none = Characteristic.Permissions(0)  # it is never read, only told
    return Characteristic(UUID.from_16_bits(uuid), properties, none, b"")
