"""Whether a bond exists, asked of BlueZ that holds it; nothing is removed before asking."""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError

from ingest.gateway.bluez import BlueZ, bonded


class BlueZBonds:
    """The bonds that bluetoothd keeps."""

    def __init__(self, bluez: BlueZ) -> None:
        self._bluez = bluez

    async def has(self, address: str) -> bool:
        """Whether some adapter has the device's keys."""
        return any(map(bonded, (await self._bluez.devices(address.upper())).values()))

    async def forget(self, address: str) -> None:
        """Remove the device with its keys, only where it has some: the rest of it is harmless."""
        for path, device in (await self._bluez.devices(address.upper())).items():
            if bonded(device):
                adapter = device["Adapter"]
                await self._bluez.call(adapter, "org.bluez.Adapter1", "RemoveDevice", "o", path)

    async def holder(self, address: str) -> str:
        """Return the address of the adapter with the keys."""
        here = {path: address for address, path in (await self._bluez.here()).items()}
        for device in (await self._bluez.devices(address.upper())).values():
            if bonded(device):
                return here.get(str(device["Adapter"]).rpartition("/")[2], "")
        return ""

    async def identity(self, device: BLEDevice) -> str:
        """Return the address that BlueZ has for a device's path: once bonded, its identity."""
        path = str(device.details["path"])
        try:
            found = await self._bluez.call(
                path, "org.freedesktop.DBus.Properties", "Get", "ss", "org.bluez.Device1", "Address"
            )
        except BleakDBusError:  # removed since
            return device.address.upper()
        return str(found[0].value).upper()
