"""The clock of a connected device: read together with ours, and set where the site wants it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from balise.errors import FrameError
from balise.settings import Settings
from devices import time_services
from devices.models.model import ClockHabit, Model
from devices.payloads import balise_v1
from ingest.gateway import clock
from ingest.gateway.clock import Timekeeper
from ingest.gateway.home_zone import home_zone

TOLERANCE = timedelta(minutes=2)
_WRITABLE = {ClockHabit.SET_BY_GATEWAY: "2A2B", ClockHabit.DATE_TIME_BY_GATEWAY: "2A08"}

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


@dataclass(frozen=True, slots=True)
class Policy:
    """Whether this site has its devices' clocks set, and to the wall-clock time of which zone."""

    zone: ZoneInfo
    timekeeper: Timekeeper

    def characteristic(self, model: Model | None) -> str | None:
        """Return which clock of a model may be written, None where none may."""
        return _WRITABLE.get(model.clock) if model is not None else None

    def is_wrong(self, pair: Pair | None) -> bool:
        """Say whether a clock is to be set; never by a clock of ours that may be wrong itself."""
        now = self.timekeeper.now()
        if not now.known or pair is None:
            return now.known
        local = now.wall.astimezone(self.zone).replace(tzinfo=None)
        shown = datetime.fromisoformat(pair.shown).replace(tzinfo=None)
        age = timedelta(seconds=now.since_boot - pair.since_boot)
        return abs(local - age - shown) > TOLERANCE

    async def set(self, client: BleakClient, short: str) -> None:
        """Set the clock; a device that refuses keeps its own."""
        found = _found(client, short)
        if found is None:
            return
        local = self.timekeeper.now().wall.astimezone(self.zone)
        try:
            await client.write_gatt_char(found, time_services.written(short, local), response=True)
        except BleakError as error:
            _log.warning("clock_not_set", device=client.address, error=type(error).__name__)
            return
        _log.info("clock_set", device=client.address)


def policy(settings: Settings, timekeeper: Timekeeper) -> Policy | None:
    """Return what the settings say; UsageError where their time zone is none."""
    if not settings.gateway_sets_clocks:
        return None
    return Policy(home_zone(settings), timekeeper)


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
