"""One connection to one device: read its clock, subscribe, spool every frame as it comes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from balise.errors import FrameError
from devices import FRAMES, current_time
from devices.payloads import balise_v1
from devices.registry import short_uuid

_log = structlog.get_logger(__name__)
_DECODED = {(frame.service, frame.characteristic) for frame in FRAMES}
Put = Callable[[bytes], None]


class Session:
    """From connected to disconnected; `put` commits before it returns."""

    def __init__(self, client: BleakClient, address: str, put: Put, ended: asyncio.Event) -> None:
        self._client = client
        self._address = address
        self._put = put
        self._ended = ended
        self._id = str(uuid4())
        self._clock: balise_v1.Clock | None = None

    async def run(self) -> None:
        """Listen until the device is gone."""
        self._clock = await self._read_clock()
        for service in self._client.services:
            for characteristic in service.characteristics:
                key = (short_uuid(service.uuid), short_uuid(characteristic.uuid))
                if key in _DECODED:
                    await self._subscribe(characteristic, *key)
        await self._ended.wait()

    async def _subscribe(
        self, characteristic: BleakGATTCharacteristic, service: str, short: str
    ) -> None:
        def on_frame(_: BleakGATTCharacteristic, data: bytearray) -> None:
            # Committed inside the callback: the device may erase what it has handed over.
            try:
                self._put(self._item(service, short, bytes(data)))
            except sqlite3.Error:
                # Not confirmed, so the device keeps it; a link without answer would stand 30 s.
                _log.exception("spool_refused", device=self._address)
                self._ended.set()
                raise

        await self._client.start_notify(characteristic, on_frame)

    def _item(self, service: str, characteristic: str, data: bytes) -> bytes:
        return balise_v1.encode_item(
            balise_v1.Item(
                device=self._address,
                captured_at=datetime.now(UTC),
                session=self._id,
                service=service,
                characteristic=characteristic,
                data=data.hex(),
                clock=self._clock,
            )
        )

    async def _read_clock(self) -> balise_v1.Clock | None:
        """Return the device's clock and ours, read at one moment, where it shows its clock."""
        characteristic = self._client.services.get_characteristic(
            f"0000{current_time.CHARACTERISTIC.lower()}-0000-1000-8000-00805f9b34fb"
        )
        if characteristic is None:
            return None
        try:
            device = current_time.read(bytes(await self._client.read_gatt_char(characteristic)))
        except (BleakError, FrameError) as error:
            _log.warning("clock_unread", device=self._address, error=type(error).__name__)
            return None
        if device is None:
            return None
        return balise_v1.Clock(device=device.isoformat(), gateway=datetime.now(UTC))
