"""The agent: hears assigned devices, connects, spools, and never gives up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

from balise.errors import RadioDown
from ingest.gateway.adverts import Adverts, advertises
from ingest.gateway.device_clock import Policy
from ingest.gateway.devices import KnownDevice
from ingest.gateway.pairing.bonds import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.records import Cursors
from ingest.gateway.session import Put, Session
from ingest.gateway.stack import opened

_log = structlog.get_logger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
_CONNECT_SECONDS = 20.0


class Backoff:
    """How long to wait after failures in a row: doubled each time, with jitter, and bounded."""

    def __init__(self) -> None:
        self._failures = 0

    def success(self) -> None:
        """Start over."""
        self._failures = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * float(1 << min(self._failures, 10)))
        self._failures += 1
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


@dataclass(slots=True)
class Contact:
    """When a device was last heard, when it last said something, its battery, its bond."""

    heard_at: datetime | None = None
    told_at: datetime | None = None
    battery: int | None = None
    battery_at: datetime | None = None
    bonded: bool | None = None

    def charged(self, level: int) -> None:
        """Note the battery's level, in percent."""
        self.battery, self.battery_at = level, datetime.now(UTC)


class Agent:
    """Serves the devices of one home over one radio."""

    def __init__(
        self,
        devices: Sequence[KnownDevice],
        put: Put,
        cursors: Cursors | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._known = {device.address.upper(): device for device in devices}
        self._put = put
        self._cursors = cursors
        self._policy = policy
        self._busy: set[str] = set()
        self._backoff: dict[str, Backoff] = {}
        self._adverts = Adverts()
        self._tasks: set[asyncio.Task[None]] = set()
        self.contacts = {address: Contact() for address in self._known}

    def add(self, device: KnownDevice) -> None:
        """Serve one more device from now on."""
        address = device.address.upper()
        self._known[address] = device
        self.contacts.setdefault(address, Contact())

    @property
    def busy(self) -> bool:
        """Whether a device is connected, or about to be."""
        return bool(self._busy)

    async def run(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
    ) -> None:
        """Listen until cancelled; None takes the platform's own backend (BlueZ on Linux)."""

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            known = self._known.get(device.address.upper())
            if known is None:
                return
            self.contacts[known.address.upper()].heard_at = datetime.now(UTC)
            if advertises(known):
                put = self._putting(known)
                for item in self._adverts.items(known, advertisement.service_data):
                    put(item)
            else:
                self._meet(device, client)

        try:
            async with BleakScanner(heard, backend=scanner):
                await asyncio.Event().wait()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._busy.clear()

    def _putting(self, known: KnownDevice) -> Put:
        """Return what spools a device's items and notes that it said something."""

        def put(item: bytes) -> None:
            self._put(item)
            self.contacts[known.address.upper()].told_at = datetime.now(UTC)

        return put

    def _meet(self, device: BLEDevice, client: type[BaseBleakClient] | None) -> None:
        address = device.address.upper()
        if address in self._busy:
            return
        self._busy.add(address)
        task = asyncio.get_running_loop().create_task(self._serve(device, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, device: BLEDevice, client: type[BaseBleakClient] | None) -> None:
        address = device.address.upper()
        known = self._known[address]
        backoff = self._backoff.setdefault(address, Backoff())
        ended = asyncio.Event()
        try:
            async with BleakClient(
                device, lambda _: ended.set(), timeout=_CONNECT_SECONDS, backend=client
            ) as connected:
                _log.info("device_connected", device=address)
                put, charged = self._putting(known), self.contacts[address].charged
                session = Session(
                    connected, known, put, ended, self._cursors, self._policy, charged
                )
                await session.run()
            backoff.success()
        # A device may be gone at any step; whatever bleak raises then, it will be heard again.
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            _log.info("device_lost", device=address, error=type(error).__name__)
            await asyncio.sleep(backoff.next())
        finally:
            self._busy.discard(address)


async def serve(
    ble: str,
    agent: Agent,
    desk: Desk | None = None,
    on_kit: Callable[[Kit | None], None] = lambda _kit: None,
) -> None:
    """Run the agent for ever over the radio a setting names, opening it again when it is lost.

    `on_kit` is told what a pairing needs as soon as the radio is open, None when it is gone.
    """
    backoff = Backoff()
    while True:
        try:
            async with opened(ble, desk or Desk()) as (kit, lost):
                backoff.success()
                on_kit(kit)
                await _until(lost, agent.run(kit.scanner, kit.client))
        except (RadioDown, BleakError, OSError) as error:
            _log.warning("radio_down", ble=ble, error=str(error))
        finally:
            on_kit(None)
        await asyncio.sleep(backoff.next())


async def _until(lost: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run some work until it ends or the radio is lost; its own error goes on."""
    running = asyncio.create_task(work)
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait((running, losing), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        losing.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
