"""Whether a bond exists, asked of the stack that holds it; nothing is removed before asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from ingest.gateway import adapter
from ingest.gateway.adapter import Adapter, AdapterState


class Bonds(Protocol):
    """The bonds of one radio."""

    async def has(self, address: str) -> bool:
        """Whether keys of a device are kept here."""
        ...

    async def forget(self, address: str) -> None:
        """Drop the keys of a device; nothing happens where there are none."""
        ...


async def _up() -> Adapter:
    """Say of an adapter no more than that it is open."""
    return Adapter(state=AdapterState.UP)


@dataclass(frozen=True, slots=True)
class Kit:
    """What is needed of a Bluetooth stack; None takes the platform's own (BlueZ)."""

    bonds: Bonds
    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    adapter: Callable[[], Awaitable[Adapter]] = _up


class BlueZBonds:
    """The bonds that bluetoothd keeps."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    async def has(self, address: str) -> bool:
        """Whether BlueZ says Bonded, or Paired where it is too old to know the difference."""
        found = await self._device(address)
        if found is None:
            return False
        _, properties = found
        bonded = properties.get("Bonded", properties.get("Paired"))
        return bool(bonded and bonded.value)

    async def forget(self, address: str) -> None:
        """Remove the device with its keys, only where it has some: the rest of it is harmless."""
        found = await self._device(address)
        if found is not None and await self.has(address):
            path, properties = found
            await self._call(properties["Adapter"].value, "RemoveDevice", "o", [path])

    async def adapter(self) -> Adapter:
        """Return how the adapter is."""
        objects = await self._call("/", "GetManagedObjects")
        return adapter.of_bluez(objects[0])

    async def _device(self, address: str) -> tuple[str, dict[str, Any]] | None:
        objects = await self._call("/", "GetManagedObjects")
        for path, interfaces in objects[0].items():
            device = interfaces.get("org.bluez.Device1")
            if device and device["Address"].value.upper() == address.upper():
                return path, device
        return None

    async def _call(
        self, path: str, member: str, signature: str = "", body: list[Any] | None = None
    ) -> list[Any]:
        manager = "org.freedesktop.DBus.ObjectManager"
        interface = manager if member == "GetManagedObjects" else "org.bluez.Adapter1"
        reply = await self._bus.call(
            Message(
                destination="org.bluez",
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body or [],
            )
        )
        if reply.message_type is MessageType.ERROR:
            return [{}]
        return reply.body


@dataclass(frozen=True, slots=True)
class KeyStoreBonds:
    """The bonds of a bumble radio."""

    names: Callable[[], Awaitable[list[str]]]
    delete: Callable[[str], Awaitable[None]]

    async def has(self, address: str) -> bool:
        """Whether the key store has the device."""
        return any(name.upper().startswith(address.upper()) for name in await self.names())

    async def forget(self, address: str) -> None:
        """Delete its keys."""
        for name in await self.names():
            if name.upper().startswith(address.upper()):
                await self.delete(name)
