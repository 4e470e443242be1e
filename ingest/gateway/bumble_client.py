"""A connection through bleak's API, on bumble.

bumble calls a subscriber before it confirms an indication, and this client calls bleak's callback
from there: a device has its confirmation only once a plain callback has returned, and never where
it raised. (bleak runs a coroutine callback as a task, later: pass a plain function.)
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble.att import ATT_DEFAULT_MTU
from bumble.device import Advertisement, Connection, Peer
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR as CCCD
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy
from bumble.hci import Address, HCI_Error, HCI_ErrorCode

from ingest.gateway.bumble_radio import ANSWER, Radio
from ingest.gateway.bumble_services import discover
from ingest.gateway.links import BondLostError

PAIRING = 30.0
"""Seconds after which a pairing has failed by the specification (Vol 3, Part H, 3.4)."""

_NO_KEY = (HCI_ErrorCode.PIN_OR_KEY_MISSING_ERROR, HCI_ErrorCode.AUTHENTICATION_FAILURE_ERROR)
"""How a device says that it has no bond with us, or another."""


class BumbleClient(BaseBleakClient):
    """What stands behind a BleakClient; `backends` binds it to a radio."""

    radio: ClassVar[Radio]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        services: set[str] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(address_or_ble_device, **others)
        self._given = address_or_ble_device
        self._wanted = services
        self._link: Connection | None = None
        self._subscribed: set[int] = set()

    @property
    def name(self) -> str:
        """The advertised name, or the address with dashes."""
        given = self._given.name if isinstance(self._given, BLEDevice) else None
        return given or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """Bytes of an ATT packet: a notification holds 3 fewer."""
        return self._link.att_mtu if self._link else ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._link is not None

    async def connect(self, pair: bool, **_others: Any) -> None:  # noqa: FBT001 - bleak's signature
        """Connect and discover the services.

        BleakDeviceNotFoundError where an address given as text isn't heard, TimeoutError where the
        device doesn't answer, both after the client's `timeout` in seconds.
        """
        if self.is_connected:
            raise BleakError("The client is connected already")
        link = await self.radio.connect(await self._address(), self._timeout)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.disconnect)
            self._take(link)
            if pair or await self._bonded(link):
                await self.pair()
            self.services = await self.radio.finish(
                discover(Peer(link), self._wanted, lambda: self.mtu_size - 3)
            )
            undo.pop_all()

    async def _bonded(self, link: Connection) -> bool:
        keys = self.radio.device.keystore
        return keys is not None and await keys.get(str(link.peer_address)) is not None

    def _take(self, link: Connection) -> None:
        if self.radio.device.connections.get(link.handle) is not link:
            raise BleakError("The device disconnected at once")
        link.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._link = link
        self._subscribed.clear()

    async def _address(self) -> Address:
        if isinstance(self._given, BLEDevice):
            address: Address = self._given.details
            return address
        found: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

        def heard(advertisement: Advertisement) -> None:
            text = self.radio.identity(advertisement.address)
            if text == self.address.upper() and not found.done():
                found.set_result(advertisement.address)

        async with self.radio.listening(heard):
            try:
                async with asyncio.timeout(self._timeout):
                    return await self.radio.finish(found)
            except TimeoutError:
                raise BleakDeviceNotFoundError(
                    self.address, f"No advertisement of {self.address} in {self._timeout:g} s"
                ) from None

    def _on_disconnection(self, _reason: int) -> None:
        self._link = None
        self.services = None
        if self._disconnected_callback is not None:
            asyncio.get_running_loop().call_soon(self._disconnected_callback)

    def _connected(self) -> Connection:
        if self._link is None:
            raise BleakError("Not connected")
        return self._link

    async def disconnect(self) -> None:
        """Disconnect; nothing happens where the link is down already."""
        if self._link is None:
            return
        with suppress(BleakError, TimeoutError):
            async with asyncio.timeout(ANSWER):
                await self.radio.finish(self._link.disconnect())

    async def pair(self, *_args: Any, **_others: Any) -> None:
        """Encrypt the link, with the bond there is or a new one; the radio's delegate is asked.

        BleakError where the device refuses (BondLostError where it has lost its half of the bond),
        TimeoutError where it says nothing for 30 s.
        """
        link = self._connected()
        if not link.is_encrypted:
            bonded = await self._bonded(link)
            async with asyncio.timeout(PAIRING):
                if bonded:
                    await self._encrypt(link)
                else:
                    await self.radio.finish(link.pair())

    async def _encrypt(self, link: Connection) -> None:
        """Encrypt with the bond there is; BondLostError where the device has its half no more."""
        try:
            await self.radio.finish(link.encrypt())
        except BleakError as error:
            cause = error.__cause__
            if isinstance(cause, HCI_Error) and cause.error_code in _NO_KEY:
                raise BondLostError(self.address) from error
            raise

    async def unpair(self) -> None:
        """Forget the keys and disconnect."""
        link, keys = self._connected(), self.radio.device.keystore
        if keys is not None:
            with suppress(KeyError):
                await keys.delete(str(link.peer_address))
        await self.disconnect()

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_others: Any
    ) -> bytearray:
        """Read a value from the device, never from a cache."""
        return await self._read(characteristic.obj)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **_others: Any
    ) -> bytearray:
        """Read a descriptor from the device, never from a cache."""
        return await self._read(descriptor.obj)

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write a value; BleakGATTProtocolError where the device refuses it."""
        await self._write(characteristic.obj, data, response=response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor; BleakGATTProtocolError where the device refuses it."""
        await self._write(descriptor.obj, data, response=True)

    async def _read(self, proxy: CharacteristicProxy[bytes] | DescriptorProxy) -> bytearray:
        self._connected()
        return bytearray(await self.radio.finish(proxy.read_value()))

    async def _write(
        self,
        proxy: CharacteristicProxy[bytes] | DescriptorProxy,
        data: SizedBuffer,
        *,
        response: bool,
    ) -> None:
        self._connected()
        await self.radio.finish(proxy.write_value(bytes(data), with_response=response))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_others: Any,
    ) -> None:
        """Call back for each value, before bumble confirms it where it is an indication."""
        self._connected()
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        if proxy.get_descriptor(CCCD) is None:
            raise BleakError(f"{characteristic} can't be subscribed to")
        if proxy.handle in self._subscribed:
            raise BleakError(f"{characteristic} is subscribed to already")
        try:
            await self.radio.finish(proxy.subscribe(lambda value: callback(bytearray(value))))
        except BleakError:  # bumble keeps the callback where the device refused: it would run twice
            proxy.client.notification_subscribers.pop(proxy.handle, None)
            proxy.client.indication_subscribers.pop(proxy.handle, None)
            raise
        self._subscribed.add(proxy.handle)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Call back no more."""
        self._connected()
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        self._subscribed.discard(proxy.handle)
        await self.radio.finish(proxy.unsubscribe())
