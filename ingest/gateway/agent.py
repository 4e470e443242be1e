"""The agent: hears assigned devices, connects, spools, and never gives up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import structlog
from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

from balise.errors import RadioDown
from ingest.gateway.adverts import Adverts, advertises
from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.devices import KnownDevice
from ingest.gateway.session import Put, Session

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


class Agent:
    """Serves the devices of one home over one radio."""

    def __init__(self, devices: Sequence[KnownDevice], put: Put) -> None:
        self._known = {device.address.upper(): device for device in devices}
        self._put = put
        self._busy: set[str] = set()
        self._backoff: dict[str, Backoff] = {}
        self._adverts = Adverts()
        self._tasks: set[asyncio.Task[None]] = set()

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
            if advertises(known):
                for item in self._adverts.items(known, advertisement.service_data):
                    self._put(item)
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
        backoff = self._backoff.setdefault(address, Backoff())
        ended = asyncio.Event()
        try:
            async with BleakClient(
                device, lambda _: ended.set(), timeout=_CONNECT_SECONDS, backend=client
            ) as connected:
                _log.info("device_connected", device=address)
                await Session(connected, self._known[address], self._put, ended).run()
            backoff.success()
        # A device may be gone at any step; whatever bleak raises then, it will be heard again.
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            _log.info("device_lost", device=address, error=type(error).__name__)
            await asyncio.sleep(backoff.next())
        finally:
            self._busy.discard(address)


async def serve(ble: str, agent: Agent) -> None:
    """Run the agent for ever over the radio a setting names, opening it again when it is lost."""
    backoff = Backoff()
    while True:
        try:
            if ble == "bluez":
                await agent.run()
            else:
                await _over_bumble(ble, agent, backoff)
        except (RadioDown, BleakError, OSError) as error:
            _log.warning("radio_down", ble=ble, error=str(error))
        await asyncio.sleep(backoff.next())


async def _over_bumble(ble: str, agent: Agent, backoff: Backoff) -> None:
    async with Radio(ble) as radio:
        backoff.success()
        running = asyncio.create_task(agent.run(*backends(radio)))
        lost = asyncio.create_task(radio.lost.wait())
        try:
            await asyncio.wait((running, lost), return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
