"""A device's battery, asked once a connection where the device shows it (Battery Level, 2A19)."""

from __future__ import annotations

import asyncio

import structlog
from bleak import BleakClient
from bleak.exc import BleakError

_log = structlog.get_logger(__name__)
LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
_SECONDS = 5.0


async def level(client: BleakClient) -> int | None:
    """Return the percentage; None where the device has none to show, or is gone.

    It is never a failure of the connection: measurements are what a device is there for. BlueZ 5.48
    to 5.54 keeps the battery to itself, and bleak does not ask it there.
    """
    try:
        characteristic = client.services.get_characteristic(LEVEL)
        if characteristic is None or "read" not in characteristic.properties:
            return None
        async with asyncio.timeout(_SECONDS):
            data = bytes(await client.read_gatt_char(characteristic))
    except (BleakError, OSError, EOFError) as error:  # a TimeoutError is an OSError
        _log.info("battery_unread", device=client.address, error=type(error).__name__)
        return None
    return data[0] if len(data) == 1 and data[0] <= 100 else None
