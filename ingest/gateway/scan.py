"""One scan of each adapter for all who listen: the agent, a pairing, the page's ear.

BlueZ refuses the second scan of one process ("InProgress"), and whoever stops a scan must not stop
somebody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

_log = structlog.get_logger(__name__)
_STOP_SECONDS = 10.0

Heard = Callable[[BLEDevice, AdvertisementData], None]
Adapters = Callable[[], Awaitable[Sequence[str]]]


class Scan:
    """The scan of one Bluetooth stack; `adapters` names those of BlueZ, none takes the default."""

    def __init__(
        self, backend: type[BaseBleakScanner] | None = None, adapters: Adapters | None = None
    ) -> None:
        self._backend = backend
        self._adapters = adapters
        self._listeners: list[Heard] = []
        self._scanners: list[BleakScanner] = []
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def listening(self, heard: Heard) -> AsyncIterator[None]:
        """Call `heard` for each advertisement; BleakError where the radio does not scan."""
        async with self._changing:
            if not self._scanners:
                await self._start()
            self._listeners.append(heard)
        try:
            yield
        finally:
            async with self._changing:
                self._listeners.remove(heard)
                if not self._listeners:
                    await self._stop()

    async def restart(self) -> None:
        """Stop and start, for all who listen; BleakError where the radio does not scan any more."""
        async with self._changing:
            await self._stop()
            if self._listeners:
                await self._start()

    async def find(self, address: str) -> BLEDevice:
        """Return a device, in capitals named, as soon as it is heard."""
        found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

        def heard(device: BLEDevice, _: AdvertisementData) -> None:
            if device.address.upper() == address and not found.done():
                found.set_result(device)

        async with self.listening(heard):
            return await found

    def _on_heard(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        if self._backend is None:
            # bleak keeps the address that BlueZ had at first; a bond turns it into the identity.
            _path, properties = advertisement.platform_data
            device.address = str(properties["Address"])
        for heard in tuple(self._listeners):
            heard(device, advertisement)

    async def _start(self) -> None:
        names = await self._adapters() if self._adapters else ()
        try:
            for name in names or (None,):
                more: dict[str, Any] = {"bluez": {"adapter": name}} if name else {}
                scanner = BleakScanner(self._on_heard, backend=self._backend, **more)
                await scanner.start()
                self._scanners.append(scanner)
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        """Stop what scans; an adapter that is gone or hung does not stop, and is left."""
        while self._scanners:
            scanner = self._scanners.pop()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await scanner.stop()
            except (BleakError, TimeoutError, OSError, EOFError) as error:
                _log.info("scan_not_stopped", error=type(error).__name__)
