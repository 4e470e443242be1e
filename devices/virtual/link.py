"""One link of a virtual device with a gateway, from the connection to the disconnection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from bumble.device import Connection, Device
from bumble.hci import HCI_Error

from devices.virtual.gateway import Item
from devices.virtual.gatt import INDICATE, NOTIFY
from devices.virtual.peripheral import Peripheral

_log = logging.getLogger(__name__)

_BITS = {NOTIFY: 1, INDICATE: 2}
"""The bits of a subscription (0x2902)."""

IN_THE_AIR = 0.05
"""Seconds for what was sent to arrive, before the power fails."""


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start work that is to last; where it dies of an error, the log says so."""
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("a virtual device failed", exc_info=error)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they are over: a wait_for of Python 3.11 may swallow a cancellation."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)


class Link:
    """Tells a gateway what there is, and counts the frames until the power fails."""

    def __init__(self, peripheral: Peripheral, device: Device, connection: Connection) -> None:
        self._peripheral, self._device, self._connection = peripheral, device, connection
        self._gone = asyncio.Event()
        self._powered = True
        connection.once(Connection.EVENT_DISCONNECTION, lambda _reason: self._gone.set())

    async def run(self) -> bool:
        """Tell what there is until the link is gone, and return whether the power is still on."""
        self._peripheral.link = self
        self._peripheral.connected()
        own = (self._tell_memory(), self._stream(), self._answer(), self._hang_up())
        tasks = [start(work) for work in (*own, *self._peripheral.work(self))]
        try:
            await self._gone.wait()
        finally:
            self._peripheral.link = None
            await end(*tasks)
        return self._powered

    @property
    def room(self) -> int:
        """Bytes that fit one notification."""
        return self._connection.att_mtu - 3

    def subscribed(self, uuid: int) -> bool:
        """Whether the gateway wants to be told a characteristic."""
        return bool(self._ways(uuid))

    def _ways(self, uuid: int) -> int:
        """Return the bits of the subscription that the characteristic can serve."""
        one = self._peripheral.characteristics[uuid]
        offered = sum(bit for how, bit in _BITS.items() if one.properties & how)
        return self._device.gatt_server.read_cccd(self._connection, one)[0] & offered

    async def tell(self, item: Item) -> None:
        """Indicate until it is confirmed, or notify; forced, as bumble skips in silence."""
        one, server = self._peripheral.characteristics[item.uuid], self._device.gatt_server
        if self._ways(item.uuid) & _BITS[INDICATE]:
            try:
                await server.indicate_subscriber(self._connection, one, item.data, force=True)
            except TimeoutError:  # 30 s: by the specification this link carries nothing more
                await self._disconnect()
                await self._nothing_more()
        else:
            await server.notify_subscriber(self._connection, one, item.data, force=True)

    async def spend(self) -> None:
        """Count a frame; with the last one the power fails, where the device's faults say so."""
        self._peripheral.told += 1
        if self._peripheral.told == self._peripheral.faults.power_off_after:
            await asyncio.sleep(IN_THE_AIR)
            self._powered = False
            self._gone.set()
            await self._nothing_more()

    @staticmethod
    async def _nothing_more() -> None:
        await asyncio.Event().wait()

    async def _tell_memory(self) -> None:
        """Tell the memory, oldest first; a frame leaves it when its confirmation comes."""
        peripheral, told = self._peripheral, 0
        while True:
            await peripheral.until(partial(self._may_tell, told))
            item = peripheral.kept[told]
            await self.tell(item)
            peripheral.confirm(item)
            if peripheral.faults.replays:
                told += 1
                peripheral.wanted = told < len(peripheral.kept)
                peripheral.wake()
            await self.spend()

    def _may_tell(self, told: int) -> bool:
        kept = self._peripheral.kept
        return told < len(kept) and self._peripheral.ready() and self.subscribed(kept[told].uuid)

    async def _stream(self) -> None:
        """Notify what is measured now, once a period, without drift."""
        peripheral, loop = self._peripheral, asyncio.get_running_loop()
        due = loop.time()
        while peripheral.STREAMED:
            due += peripheral.period
            await asyncio.sleep(due - loop.time())
            frame = peripheral.live()
            if frame is not None and self.subscribed(peripheral.STREAMED):
                await self.tell(Item(peripheral.STREAMED, frame))
                await self.spend()

    async def _answer(self) -> None:
        """Indicate what a control point answers."""
        while True:
            await self.tell(await self._peripheral.answers.get())

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
            await self._connection.disconnect()
