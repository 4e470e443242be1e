"""The clock of a connected device: read together with ours, and set where the site wants it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from balise.errors import FrameError
from devices import time_services
from devices.payloads import balise_v1
from ingest.gateway import clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pair:
    """What a device's clock showed, and when in the life of this machine it was read."""

    shown: str
    since_boot: float

    def as_of(self, now: datetime) -> balise_v1.Clock:
        """Return the pair as our clock says it now: it may have been set since the reading."""
        age = timedelta(seconds=clock.since_boot() - self.since_boot)
        return balise_v1.Clock(device=self.shown, gateway=now - age)


async def read(client: BleakClient) -> Pair | None:
    """Return the device's clock and the moment of reading it, None where it shows none."""
    for short in time_services.READABLE:
        characteristic = _found(client, short)
        if characteristic is None:
            continue
        try:
            data = bytes(await client.read_gatt_char(characteristic))
            at = clock.since_boot()
            shown = time_services.shown(short, data)
        except (BleakError, FrameError) as error:
            _log.warning("clock_unread", device=client.address, error=type(error).__name__)
            return None
        return Pair(shown, at) if shown else None
    return None


def _found(client: BleakClient, short: str) -> BleakGATTCharacteristic | None:
    return client.services.get_characteristic(f"0000{short.lower()}-0000-1000-8000-00805f9b34fb")
