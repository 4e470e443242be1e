"""One connection to one device: read its clock, subscribe, spool every frame as it comes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from balise.errors import NotUnderstood
from balise.model import State
from devices import models, racp, registry, session
from devices.collect import Bundle, Collector
from devices.models.model import Model
from devices.payloads import balise_v1
from devices.registry import short_uuid
from devices.session import RawFrame
from ingest.gateway import battery, consent, device_clock
from ingest.gateway.device_clock import Pair, Policy
from ingest.gateway.devices import KnownDevice
from ingest.gateway.records import Cursors, Records

_log = structlog.get_logger(__name__)
_READ_FIRST = frozenset(("2AAA",))
"""What a device states once, and its frames mean nothing without."""

QUIET = 3.0
"""Seconds without a frame after which a device has told what it had."""

_LISTENED = (State.MEASURED, State.PART)
"""Live displays and what devices say of themselves are nobody's measurements."""

_GLUCOSE, _HEALTH_SENSOR = "1808", "1840"
_RECORDS = {_GLUCOSE: "2A18", "181F": "2AA7", _HEALTH_SENSOR: "2BDD", "1810": "2B36"}
"""Services whose records are asked for, and the characteristic that tells one."""

Put = Callable[[bytes], None]


class Session:
    """From connected to disconnected; `put` commits before it returns.

    `listening` is set once all that the device measures is subscribed to.
    """

    def __init__(
        self,
        client: BleakClient,
        device: KnownDevice,
        put: Put,
        ended: asyncio.Event,
        cursors: Cursors | None = None,
        policy: Policy | None = None,
        charged: Callable[[int], None] = lambda _level: None,
    ) -> None:
        self._client = client
        self._device = device
        self._put = put
        self._ended = ended
        self._id = str(uuid4())
        self._pair: Pair | None = None
        self._model = models.known(device.model)
        self._frames = Collector(self._model)
        self._cursors = cursors
        self._policy = policy
        self._told = asyncio.Event()
        self._said_all = False  # a meter has no more to say, and other devices wait
        self._charged = charged
        self._numbers: dict[str, list[int]] = {service: [] for service in _RECORDS}
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until the device is gone."""
        self._pair = await device_clock.read(self._client)
        try:
            for characteristic, service, short in list(self._characteristics()):
                if short in _READ_FIRST:
                    await self._read(characteristic, service, short)
            for characteristic, service, short in list(self._characteristics()):
                if listened(service, short, self._model):
                    await self._subscribe(characteristic, service, short)
            self.listening.set()
            await self._consent()
            for characteristic, service, short in list(self._characteristics()):
                if short == racp.CHARACTERISTIC and service in _RECORDS:
                    await self._fetch(characteristic, service)
            if (level := await battery.level(self._client)) is not None:
                self._charged(level)
            await self._set_clock()
            if not self._said_all:
                await self._ended.wait()
        finally:
            self._spool(self._frames.rest())

    def _characteristics(self) -> Iterable[tuple[BleakGATTCharacteristic, str, str]]:
        for service in self._client.services:
            for characteristic in service.characteristics:
                yield characteristic, short_uuid(service.uuid), short_uuid(characteristic.uuid)

    async def _read(
        self, characteristic: BleakGATTCharacteristic, service: str, short: str
    ) -> None:
        data = bytes(await self._client.read_gatt_char(characteristic))
        self._frames.note(RawFrame(service, short, data))

    async def _subscribe(
        self, characteristic: BleakGATTCharacteristic, service: str, short: str
    ) -> None:
        def on_frame(_: BleakGATTCharacteristic, data: bytearray) -> None:
            # Committed inside the callback: the device may erase what it has handed over.
            frame = RawFrame(service, short, bytes(data))
            self._told.set()
            try:
                bundles = self._frames.take(frame)
                self._spool(bundles)
                self._count(frame, bundles)
            except sqlite3.Error:
                # Over bumble not confirmed, so the device keeps it; BlueZ has confirmed by itself.
                # A link without answer would stand 30 s.
                _log.exception("spool_refused", device=self._device.address)
                self._ended.set()
                raise

        await self._client.start_notify(characteristic, on_frame)

    def _count(self, frame: RawFrame, bundles: list[Bundle]) -> None:
        """Note the numbers of the records that came; a segmented one when its last segment did."""
        if frame.characteristic != _RECORDS.get(frame.service):
            return
        whole = [one for one in bundles if one.frame == frame]
        companions = whole[0].companions if whole else ()
        self._numbers[frame.service] += _numbers(frame, companions, self._model)

    async def _consent(self) -> None:
        """Have a shared scale tell each person's data, one person after the other."""
        wanted = self._device.consents if consent.asked(self._client) else {}
        for number, (user, code) in enumerate(wanted.items()):
            if number:
                await self._quiet()
            if not await consent.give(self._client, user, code):
                _log.warning("consent_refused", device=self._device.address, user=user)

    async def _set_clock(self) -> None:
        """Set a wrong clock, where the site wants that, once the device has told what it had."""
        short = self._policy.characteristic(self._model) if self._policy else None
        if self._policy is None or short is None or not self._policy.is_wrong(self._pair):
            return
        await self._quiet()
        if not self._ended.is_set():
            # What comes in between was stamped by nobody knows which of the two clocks.
            self._pair = None
            await self._policy.set(self._client, short)
            self._pair = await device_clock.read(self._client)

    async def _quiet(self) -> None:
        """Wait until the device has said nothing for a while, or is gone."""
        told = True
        while told and not self._ended.is_set():
            self._told.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), QUIET)
            told = self._told.is_set()

    async def _fetch(self, point: BleakGATTCharacteristic, service: str) -> None:
        """Ask for the stored records this gateway has not; nothing is deleted on the device."""
        address, numbers = self._device.address, self._numbers[service]
        records = Records(
            self._client,
            point,
            numbers,
            self._ended,
            asks_from=self._model is None or self._model.asks_from,
            combined=service == _HEALTH_SENSOR,
        )
        last = self._cursors.last(address, service) if self._cursors else None
        transfer = await records.fetch(last)
        # What waits for a context is spooled before the cursor says that it is.
        self._spool(self._frames.rest())
        _log.info("records", device=address, asked=transfer.asked, came=transfer.came)
        if transfer.whole and numbers and self._cursors:
            self._cursors.move(address, service, max(numbers))
        self._said_all = self._said_all or service == _GLUCOSE

    def _spool(self, bundles: Iterable[Bundle]) -> None:
        for bundle in bundles:
            self._put(self._item(bundle))

    def _item(self, bundle: Bundle) -> bytes:
        frame, now = bundle.frame, datetime.now(UTC)
        return balise_v1.encode_item(
            balise_v1.Item(
                device=self._device.address,
                captured_at=now,
                session=self._id,
                service=frame.service,
                characteristic=frame.characteristic,
                data=frame.data.hex(),
                companions=tuple(
                    balise_v1.Companion(
                        service=one.service,
                        characteristic=one.characteristic,
                        data=one.data.hex(),
                    )
                    for one in bundle.companions
                ),
                model=self._device.model,
                repeats=bundle.repeats,
                clock=self._pair.as_of(now) if self._pair else None,
            )
        )


def _numbers(frame: RawFrame, companions: tuple[RawFrame, ...], model: Model | None) -> list[int]:
    try:
        found = session.read(frame, companions, model=model)
    except NotUnderstood:
        return []
    return [one.sequence for one in found if one.sequence is not None]


def listened(service: str, characteristic: str, model: Model | None) -> bool:
    """Say whether a characteristic is subscribed to: it tells measurements."""
    try:
        return registry.find(characteristic, service, model=model).state in _LISTENED
    except NotUnderstood:
        return False
