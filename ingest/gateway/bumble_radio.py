"""The Bluetooth radio of this process, driven through bumble's host stack instead of BlueZ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
    BleakGATTProtocolError,
)
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.core import TimeoutError as BumbleTimeoutError
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.hci import (
    Address,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_Reset_Command,
    OwnAddressType,
)
from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport

from balise.errors import RadioDown
from ingest.gateway.bumble_keys import KeyFile

OPENING = 10.0
"""Seconds a radio may take to open and to answer its first commands."""

ANSWER = 5.0
"""Seconds a radio may take for one command."""

Heard = Callable[[Advertisement], None]

T = TypeVar("T")


class Radio:
    """One Bluetooth radio, named as bumble names transports: `usb:0`, `tcp-client:HOST:PORT`.

    `async with Radio(name) as radio` opens it and raises RadioDown where that fails. `lost` is set
    once the transport is gone, at which the gateway leaves the `async with` and opens another.
    """

    def __init__(self, name: str, keys: Path | None = None) -> None:
        self.name = name
        self._keys = keys
        self.lost = asyncio.Event()
        self.device: Device
        self._own_type = OwnAddressType.RANDOM
        self._connecting = asyncio.Lock()
        self._scanning = asyncio.Lock()
        self._listeners: list[Heard] = []
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            try:
                async with asyncio.timeout(OPENING):
                    await self._power_on(opened)
            except Exception as error:  # each transport has its own: usb1, serial, sockets
                raise RadioDown(
                    f"The Bluetooth radio {self.name} does not open: {str(error) or 'no answer'}; "
                    "is the dongle plugged in, the virtual air running? Check BALISE_BLE."
                ) from error
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_error: object) -> None:
        with suppress(BaseBumbleError, TimeoutError):
            await self._power_off()
        await self._opened.aclose()

    async def _power_on(self, opened: AsyncExitStack) -> None:
        transport = await open_transport(self.name)
        opened.push_async_callback(self._close, transport)
        transport.source.terminated.add_done_callback(self._on_terminated)
        self.device = Device(
            config=DeviceConfiguration(name="Balise", address=Address.ANY_RANDOM),
            host=Host(controller_source=transport.source, controller_sink=transport.sink),
        )
        self.device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await self.device.power_on()
        if self.device.public_address != Address.ANY:
            self._own_type = OwnAddressType.PUBLIC
        if self._keys is not None:
            self.device.keystore = KeyFile(self._keys, self.address)
            await self.device.refresh_resolving_list()

    @property
    def address(self) -> str:
        """The radio's own address, nothing where it has none that lasts."""
        public = self._own_type is OwnAddressType.PUBLIC
        return _text(self.device.public_address) if public else ""

    def identity(self, address: Address) -> str:
        """Return the address that lasts: of a bonded device, the one it gave with its keys."""
        resolver = self.device.address_resolver
        known = resolver.resolve(address) if resolver and address.is_resolvable else None
        return _text(known or address)

    async def here(self) -> Mapping[str, str]:
        """Return this radio."""
        return {self.address: self.name}

    def heard_by(self, device: BLEDevice) -> str:
        """Return this radio's address: there is no other."""
        del device
        return self.address

    async def power_cycle(self) -> None:
        """Give the radio up: whoever runs on it is cancelled, then opens it anew and resets it."""
        self.lost.set()
        await asyncio.get_running_loop().create_future()

    async def linked(self) -> frozenset[str]:
        """Return the devices with which a link stands."""
        return frozenset(_text(one.peer_address) for one in self.device.connections.values())

    async def hang_up(self, address: str) -> None:
        """End the link with a device."""
        for one in tuple(self.device.connections.values()):
            if _text(one.peer_address) == address:
                async with asyncio.timeout(ANSWER):
                    await self.finish(one.disconnect())

    async def forget_unbonded(self, address: str) -> bool:
        """Forget nothing: services are discovered anew at each connection."""
        del address
        return True

    async def _power_off(self) -> None:
        """End every link on our side and on the air: a dongle keeps them when a process goes."""
        if self.lost.is_set():
            return
        async with asyncio.timeout(ANSWER):
            await self.device.power_off()
            await self.device.host.send_sync_command(HCI_Reset_Command())

    async def _close(self, transport: Transport) -> None:
        await transport.close()
        with suppress(TimeoutError):  # closing is over in the loop's next turns, not before
            async with asyncio.timeout(1):
                await self.lost.wait()

    def _on_terminated(self, terminated: asyncio.Future[None]) -> None:
        if not terminated.cancelled():
            terminated.exception()  # marked as seen: why it ended changes nothing
        self.lost.set()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        for heard in tuple(self._listeners):
            heard(advertisement)

    async def finish(self, work: Awaitable[T]) -> T:
        """Await some work of bumble's, which would wait for ever once the radio is lost.

        Raises bleak's own errors, and TimeoutError where a device doesn't answer.
        """
        task = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait((task, lost), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return _result(task)
            raise BleakBluetoothNotAvailableError(
                f"The Bluetooth radio {self.name} is lost",
                BleakBluetoothNotAvailableReason.NO_BLUETOOTH,
            )
        finally:
            lost.cancel()
            task.cancel()

    @asynccontextmanager
    async def listening(self, heard: Heard) -> AsyncIterator[None]:
        """Call `heard` for each advertisement; the radio scans while anyone listens."""
        async with self._scanning:
            if not self._listeners:
                start = self.device.start_scanning(own_address_type=self._own_type)
                await self.finish(start)
            self._listeners.append(heard)
        try:
            yield
        finally:
            async with self._scanning:
                self._listeners.remove(heard)
                if not self._listeners and not self.lost.is_set():
                    await self.finish(self.device.stop_scanning())

    async def connect(self, address: Address, seconds: float) -> Connection:
        """Open a link; TimeoutError where the device isn't heard for that many seconds."""
        # One link at a time, as controllers do; bumble itself waits for ever for a hung one.
        async with self._connecting, asyncio.timeout(seconds + ANSWER):
            attempt = asyncio.ensure_future(
                self.device.connect_le(address, own_address_type=self._own_type, timeout=seconds)
            )
            try:
                return await self.finish(asyncio.shield(attempt))
            except BaseException:
                await _to_the_end(self._give_up(attempt, address))
                raise

    async def _give_up(self, attempt: asyncio.Future[Connection], address: Address) -> None:
        """End an attempt that failed or was cancelled, and the link that it may have come to.

        bumble's own must not be cancelled once the radio knows of it: it forgets by which address
        it asked, and the link that then comes about belongs to nobody.
        """
        with suppress(BleakError, TimeoutError):
            async with asyncio.timeout(ANSWER):
                if not attempt.done():
                    with suppress(BleakError):  # it ends without a link, as it was asked to
                        await self._end(attempt)
                await self.hang_up(self.identity(address))
        attempt.cancel()

    async def _end(self, attempt: asyncio.Future[Connection]) -> None:
        """Have the radio end an attempt, if it was asked already, and await what comes of it."""
        if self.device.connect_own_address_type is None:
            attempt.cancel()
        else:
            with suppress(BleakError):  # too late, the link stands
                await self.finish(
                    self.device.send_sync_command(HCI_LE_Create_Connection_Cancel_Command())
                )
        await self.finish(asyncio.shield(attempt))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await some work that nobody may interrupt; who was cancelled meanwhile is cancelled then."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _text(address: Address) -> str:
    return address.to_string(with_type_qualifier=False)


def _result(task: asyncio.Future[T]) -> T:
    """Return what the work came to, its errors in bleak's terms."""
    try:
        return task.result()
    except ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from error
    except asyncio.CancelledError as error:  # so bumble ends what waits on a link that drops
        raise BleakError("The device disconnected meanwhile") from error
    except BumbleTimeoutError as error:
        raise TimeoutError(f"The device does not answer {error}".rstrip()) from error
    except BaseBumbleError as error:
        raise BleakError(f"Bluetooth failed: {str(error) or type(error).__name__}") from error
