"""What every virtual device has: a name on the air, a clock, a memory, the common services."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, ClassVar

from bumble.att import ATT_Error, ErrorCode
from bumble.core import UUID, AdvertisingData
from bumble.gatt import Characteristic, Service
from bumble.keys import MemoryKeyStore

from devices.virtual import faults as fault
from devices.virtual import gatt
from devices.virtual.gateway import Gateway, Item
from devices.virtual.wall import CURRENT_TIME_2A2B, Clock, WallClock

LONGEST_NAME = 22
"""Bytes: flags, the service and the name share the 31 bytes of an advertisement."""

BATTERY, BATTERY_LEVEL = 0x180F, 0x2A19
DEVICE_INFORMATION, MAKER, MODEL = 0x180A, 0x2A29, 0x2A24


class Peripheral:
    """A virtual device; a class per kind says its services and makes its frames.

    `memory` holds the frames no gateway has confirmed yet, oldest first; `confirmed` the others,
    in the order of their confirmation, each also given to `on_confirmed`. A device with a `clock`
    stamps its frames and offers its time, `clock_offset` after the true local time. `misdeeds` are
    the requests that Balise must never make, `passkey` the six digits that the device shows.
    """

    SERVICE: ClassVar[int]
    """The one it advertises."""
    GATT: ClassVar[gatt.Gatt] = {}
    STORED: ClassVar[int] = 0
    """The characteristic that tells what is in memory."""
    STREAMED: ClassVar[int] = 0
    """The characteristic that notifies what is measured now, with no memory."""
    TIME: ClassVar[gatt.Gatt] = {0x1805: {CURRENT_TIME_2A2B: gatt.READ | gatt.WRITE}}
    """Where a gateway reads and sets the clock, if the device has one."""

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
        faults: fault.Faults = fault.NONE,
    ) -> None:
        if len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"{name} is longer than {LONGEST_NAME} bytes")
        self.address, self.name, self.faults = address, name, faults
        self.period = period  # seconds between two notifications
        self.linger = linger  # seconds a link stays with nothing left to say
        self.confirmed: list[bytes] = []
        self.misdeeds: list[bytes] = []
        self.passkey: str | None = None
        self.told = 0  # frames, in its whole life
        self.turns = 0  # of its private address
        self.link: Gateway | None = None
        self.answers: asyncio.Queue[Item] = asyncio.Queue()
        self.bonds = MemoryKeyStore()
        self.wall = None if clock is None else WallClock(clock, faults)
        self.characteristics: dict[int, Characteristic[bytes]] = {}
        self.kept: deque[Item] = deque()
        self.wanted = False  # something happened that a gateway should come for
        self._on_confirmed = on_confirmed
        self._maker, self._model, self._battery = maker, model, battery
        self._changed = asyncio.Event()

    @property
    def memory(self) -> tuple[bytes, ...]:
        """What is told at the next connection, oldest first."""
        return tuple(item.data for item in self.kept)

    @property
    def clock_offset(self) -> timedelta:
        """How far the device's clock is after the true local time."""
        return timedelta() if self.wall is None else self.wall.offset

    @clock_offset.setter
    def clock_offset(self, offset: timedelta) -> None:
        if self.wall is not None:
            self.wall.offset = offset

    def device_time(self, at: datetime | None = None) -> datetime | None:
        """Return what the device's clock shows at a true local time, by default now."""
        return None if self.wall is None else self.wall.shows(at)

    def stamp(self, at: datetime | None) -> dict[str, Any]:
        """Return the time stamp of a frame as its figure, none where the device has no clock."""
        return {} if self.wall is None else {"clock": self.device_time(at)}

    def live(self) -> bytes | None:
        """Return the frame to notify now, None where nothing is being measured."""
        return None

    def busy(self) -> bool:
        """Whether there is something to tell: the device advertises, and holds its link."""
        waiting = self.wanted if self.faults.replays else bool(self.kept)
        return waiting or self.live() is not None

    def ready(self) -> bool:
        """Whether the gateway that is connected may be told what is in memory."""
        return True

    def keep(self, frame: bytes, uuid: int = 0) -> bytes:
        """Put a measurement into memory, until a gateway confirms it."""
        self.kept.append(Item(uuid or self.STORED, frame))
        self.wanted = self.wanted or self.faults.replays
        self.wake()
        return frame

    def press(self) -> None:
        """Press the device's button: it looks for a gateway, with or without news."""
        self.wanted = True
        self.wake()

    def confirm(self, item: Item) -> None:
        """Note what a gateway confirmed; it leaves the memory, unless this device replays."""
        if not self.faults.replays:
            self.kept.remove(item)
        self.confirmed.append(item.data)
        if self._on_confirmed is not None:
            self._on_confirmed(item.data)
        self.wake()

    def turn_address(self) -> None:
        """Take another private address as soon as there is no link."""
        self.turns += 1
        self.wake()

    def wake(self) -> None:
        """Have what waits in `until` look again."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this device holds."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def connected(self) -> None:
        """Begin with a gateway."""
        self.answers = asyncio.Queue()

    def hears(self, uuid: int) -> bool:
        """Whether a gateway is connected that wants to be told a characteristic."""
        return self.link is not None and self.link.subscribed(uuid)

    def work(self, link: Gateway) -> list[Coroutine[Any, Any, None]]:  # noqa: ARG002 - for those that have any
        """Return what this kind does on a link besides telling its memory."""
        return []

    def read(self, uuid: int) -> bytes:
        """Return what a characteristic says now."""
        return b"" if self.wall is None else self.wall.read(uuid)

    def write(self, uuid: int, data: bytes) -> None:
        """Take what a gateway wrote: the time of day; ATT_Error for anything else."""
        if self.wall is None:
            raise ATT_Error(ErrorCode.WRITE_NOT_PERMITTED)
        self.wall.write(uuid, data)

    def services(self) -> list[Service]:
        """Return the services a gateway discovers."""
        texts = {MAKER: self._maker.encode(), MODEL: self._model.encode()}
        told = {uuid: text for uuid, text in texts.items() if text}
        tables: list[gatt.Gatt] = [self.GATT]
        if told:
            tables.append({DEVICE_INFORMATION: told})
        if self._battery is not None:
            tables.append({BATTERY: {BATTERY_LEVEL: bytes((self._battery,))}})
        if self.wall is not None:
            tables.append(self.TIME)
        made, self.characteristics = gatt.services(self, *tables)
        return made

    def advertisement(self) -> bytes:
        """Return the advertising data: discoverable and without BR/EDR, the service, the name."""
        kind = AdvertisingData.Type
        service = UUID.from_16_bits(self.SERVICE).to_bytes()
        rows = [
            (kind.FLAGS, b"\x06"),
            (kind.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, service),
            (kind.COMPLETE_LOCAL_NAME, self.name.encode()),
        ]
        return bytes(AdvertisingData(rows))
