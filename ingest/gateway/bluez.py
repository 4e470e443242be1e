"""BlueZ over D-Bus: what bleak does not offer of its adapters and devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

_ADAPTER, _DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
_PROPERTIES, _OBJECTS = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
_POWER_SECONDS, _OFF_SECONDS = 10.0, 1.0


class BlueZ:
    """The adapters and devices that bluetoothd knows."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._addresses: dict[str, str] = {}

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object
    ) -> list[Any]:
        """Call a method; BleakDBusError where BlueZ answers with an error."""
        message = Message(
            destination="org.bluez",
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await self._bus.call(message)
        if reply.message_type is MessageType.ERROR:
            raise BleakDBusError(reply.error_name or "", reply.body)
        return reply.body

    async def _objects(self, interface: str) -> dict[str, dict[str, Any]]:
        (objects,) = await self.call("/", _OBJECTS, "GetManagedObjects")
        return {
            path: {name: one.value for name, one in interfaces[interface].items()}
            for path, interfaces in objects.items()
            if interface in interfaces
        }

    async def devices(self, address: str) -> dict[str, dict[str, Any]]:
        """Return a device's properties by its path: one on each adapter that knows it."""
        found = await self._objects(_DEVICE)
        return {path: one for path, one in found.items() if one["Address"].upper() == address}

    async def here(self) -> Mapping[str, str]:
        """Return the adapters that are switched on, `hci0` and the like, by address."""
        found = await self._objects(_ADAPTER)
        self._addresses = {path: one["Address"].upper() for path, one in found.items()}
        return {
            one["Address"].upper(): path.rpartition("/")[2]
            for path, one in found.items()
            if one["Powered"]
        }

    async def names(self) -> Sequence[str]:
        """Return the names of the adapters to scan with."""
        return list((await self.here()).values())

    def heard_by(self, device: BLEDevice) -> str:
        """Return the adapter of a device's path."""
        return self._addresses.get(str(device.details["path"]).rpartition("/")[0], "")

    async def power_cycle(self) -> None:
        """Switch the adapters off and on that are on, or all where none is.

        Whatever fails, each is told to be on at last: one that stays off hears nothing either.
        """
        async with asyncio.timeout(_POWER_SECONDS):
            found = await self._objects(_ADAPTER)
            for path in [path for path, one in found.items() if one["Powered"]] or found:
                try:
                    await self._power(path, on=False)
                    await asyncio.sleep(_OFF_SECONDS)
                finally:
                    await self._power(path, on=True)

    async def _power(self, path: str, *, on: bool) -> None:
        await self.call(path, _PROPERTIES, "Set", "ssv", _ADAPTER, "Powered", Variant("b", on))

    async def linked(self) -> frozenset[str]:
        """Return the devices that BlueZ says are connected."""
        found = await self._objects(_DEVICE)
        return frozenset(one["Address"].upper() for one in found.values() if one["Connected"])

    async def hang_up(self, address: str) -> None:
        """Disconnect a device; also an attempt that hangs ends with it."""
        for path in await self.devices(address):
            try:
                await self.call(path, _DEVICE, "Disconnect")
            except BleakDBusError as error:
                if error.dbus_error != "org.bluez.Error.NotConnected":
                    raise

    async def forget_unbonded(self, address: str) -> bool:
        """Remove a device, with its cached services, unless a bond would go with it."""
        found = await self.devices(address)
        free = {path: one for path, one in found.items() if not bonded(one)}
        for path, one in free.items():
            await self.call(one["Adapter"], _ADAPTER, "RemoveDevice", "o", path)
        return len(free) == len(found)


def bonded(device: Mapping[str, Any]) -> bool:
    """Whether BlueZ says Bonded, or Paired where it is too old to know the difference."""
    return bool(device.get("Bonded", device.get("Paired")))


async def told_of_its_end(bus: MessageBus, ended: Callable[[], None]) -> None:
    """Call back when bluetoothd goes: with it went our agent, and every scan."""
    rule = (
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
        "member='NameOwnerChanged',arg0='org.bluez'"
    )

    def on_message(message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.body[0] == "org.bluez":
            ended()

    bus.add_message_handler(on_message)
    await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=[rule],
        )
    )
