"""The life of a virtual device: advertise, tell a gateway what there is, hang up, again.

Times are seconds of the event loop. Nothing here ends a life but its cancellation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic
from bumble.hci import HCI_Error

from devices.virtual.peripheral import Peripheral

_log = logging.getLogger(__name__)

ADVERTISING_MS = 200
NOTIFY, INDICATE = 1, 2
"""The bits of a subscription (0x2902)."""


def advertisement(peripheral: Peripheral) -> bytes:
    """Return the advertising data: discoverable and without BR/EDR, the service, the name."""
    kind = AdvertisingData.Type
    service = UUID.from_16_bits(peripheral.SERVICE).to_bytes()
    return bytes(
        AdvertisingData(
            [
                (kind.FLAGS, b"\x06"),
                (kind.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, service),
                (kind.COMPLETE_LOCAL_NAME, peripheral.name.encode()),
            ]
        )
    )


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start work that is to last; where it dies of an error, the log says so."""
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("a virtual device failed", exc_info=error)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they are over: a wait_for of Python 3.11 may swallow a cancellation."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)


async def live(peripheral: Peripheral, device: Device) -> None:
    """Live on a powered device: one gateway at a time, as long as there is something to tell."""
    links: asyncio.Queue[Session] = asyncio.Queue()
    device.on(
        Device.EVENT_CONNECTION,
        lambda link: links.put_nowait(Session(peripheral, device, link)),
    )
    while True:
        await peripheral.until(peripheral.busy)
        await device.start_advertising(
            advertising_data=advertisement(peripheral),
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )
        session = await links.get()
        await session.run()


class Session:
    """One link with a gateway, from the connection to the disconnection."""

    def __init__(self, peripheral: Peripheral, device: Device, link: Connection) -> None:
        self._peripheral, self._device, self._link = peripheral, device, link
        self._gone = asyncio.Event()
        link.once(Connection.EVENT_DISCONNECTION, lambda _reason: self._gone.set())

    async def run(self) -> None:
        """Tell what there is until the link is gone."""
        tasks = [start(work) for work in (self._replay(), self._stream(), self._hang_up())]
        try:
            await self._gone.wait()
        finally:
            await end(*tasks)

    def _subscribed(self, characteristic: Characteristic[bytes], bit: int) -> bool:
        return bool(self._device.gatt_server.read_cccd(self._link, characteristic)[0] & bit)

    async def _replay(self) -> None:
        """Indicate the memory, oldest first; a frame leaves it when its confirmation comes."""
        stored, peripheral = self._peripheral.stored, self._peripheral
        while stored is not None and not self._gone.is_set():
            await peripheral.until(
                lambda: bool(peripheral.memory) and self._subscribed(stored, INDICATE)
            )
            try:  # forced: bumble returns as if confirmed where it finds no subscription
                await self._device.indicate_subscriber(
                    self._link, stored, peripheral.memory[0], force=True
                )
            except TimeoutError:  # 30 s: by the specification this link carries nothing more
                await self._disconnect()
                return
            peripheral.confirm()

    async def _stream(self) -> None:
        """Notify what is measured now, once a period, without drift."""
        streamed, loop = self._peripheral.streamed, asyncio.get_running_loop()
        due = loop.time()
        while streamed is not None:
            due += self._peripheral.period
            await asyncio.sleep(due - loop.time())
            frame = self._peripheral.live()
            if frame is not None and self._subscribed(streamed, NOTIFY):
                await self._device.notify_subscriber(self._link, streamed, frame, force=True)

    async def _hang_up(self) -> None:
        """Disconnect once there is nothing left to tell, as a device that saves its battery."""
        peripheral = self._peripheral
        while True:
            await peripheral.until(lambda: not peripheral.busy())
            try:
                async with asyncio.timeout(peripheral.linger):
                    await peripheral.until(peripheral.busy)
            except TimeoutError:
                await self._disconnect()
                return

    async def _disconnect(self) -> None:
        with suppress(HCI_Error):  # the gateway was faster
            await self._link.disconnect()
