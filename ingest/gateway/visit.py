"""One device's links: connect, serve, and know what its failures mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError

from devices import models
from ingest.gateway import gaps
from ingest.gateway.backoff import Backoff
from ingest.gateway.device_clock import Policy
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.links import BondLostError, Cure, Failures, ServicesMissingError, cut, kind_of
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.records import Cursors
from ingest.gateway.services import missing
from ingest.gateway.session import Put, Session
from ingest.gateway.turns import Turn, Turns

_log = structlog.get_logger(__name__)
_CONNECT_SECONDS, _AGAIN_SECONDS = 20.0, 10.0
_CUTS = 2
"""Links that a bonded device ends, and none that it keeps, until its bond is said to be lost.

Each may stand for several: bleak itself tries again for 20 s where BlueZ says `abort-by-local`.
"""

GONE_WRONG = (BleakError, TimeoutError, OSError, EOFError)
"""What a stack raises where a device or its radio is not as it should be."""


@dataclass(slots=True)
class Contact:
    """When a device was last heard and last said something, its battery, its bond.

    `bonded` is None where nobody has asked the radio; `trouble` is what a person must mend.
    """

    heard_at: datetime | None = None
    told_at: datetime | None = None
    battery: int | None = None
    battery_at: datetime | None = None
    bonded: bool | None = None
    trouble: Cause | None = None

    def charged(self, level: int) -> None:
        """Note the battery's level, in percent."""
        self.battery, self.battery_at = level, datetime.now(UTC)


@dataclass(slots=True)
class Visit:
    """A known device and the links with it; `put` commits before it returns."""

    known: KnownDevice
    put: Put
    contact: Contact
    turns: Turns
    cursors: Cursors | None = None
    policy: Policy | None = None
    backoff: Backoff = field(default_factory=Backoff)
    failures: Failures = field(default_factory=Failures)
    _streams: bool = field(init=False)
    _reached: bool = False
    """Whether the last attempt came as far as a link, and not to the point of listening."""
    _cut: int = 0
    """How many links the device has ended since it last let us listen."""

    def __post_init__(self) -> None:
        self._streams = _streams(self.known)

    def may_go_by(self, adapter: str) -> bool:
        """Say whether a device that an adapter has heard is known there."""
        return self.known.adapter in ("", adapter)

    def look_for_adapter(self, here: Container[str]) -> None:
        """Say so where the adapter that holds the bond is gone, and where it is back."""
        gone = self.known.adapter != "" and self.known.adapter not in here
        if gone and self.contact.trouble is not Cause.ADAPTER_GONE:
            _log.warning("adapter_gone", device=self._address, adapter=self.known.adapter)
            self.contact.trouble = Cause.ADAPTER_GONE
        elif not gone and self.contact.trouble is Cause.ADAPTER_GONE:
            self.contact.trouble = None

    async def serve(self, device: BLEDevice, kit: Kit) -> None:
        """Connect and serve a device that was just heard; then rest, where that failed."""
        address = device.address.upper()
        ended = asyncio.Event()
        turn = Turn(address, self._streams, ended.set)
        try:
            async with self.turns.turn(turn):
                await self._serve_once_more(device, kit, ended, turn)
        # A device may be gone at any step; whatever bleak raises then, it will be heard again.
        except GONE_WRONG as error:
            _log.info("device_lost", device=address, error=kind_of(error))
            await self._mend(error, kit)
            await asyncio.sleep(self.backoff.next())
        else:
            self.backoff.success()

    async def _serve_once_more(
        self, device: BLEDevice, kit: Kit, ended: asyncio.Event, turn: Turn
    ) -> None:
        """Serve, twice where the services are not the device's: the stack had old ones."""
        try:
            await self._serve(device, kit, ended, turn)
        except ServicesMissingError as error:
            again = await self._without_cache(device, kit)
            _log.warning("services_missing", device=turn.address, again=again is not None)
            if again is None:
                raise
            ended.clear()
            try:
                await self._serve(again, kit, ended, turn)
            except ServicesMissingError:
                _log.warning("services_still_missing", device=turn.address, model=self.known.model)
                self.contact.trouble = Cause.NOT_THAT_DEVICE
                raise error from None

    async def _without_cache(self, device: BLEDevice, kit: Kit) -> BLEDevice | None:
        """Have the stack forget what it has cached, and return the device as it is heard anew."""
        address = device.address.upper()
        await kit.adapters.forget_unbonded(address)
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_SECONDS):
                return await kit.scan.find(address)
        return None

    async def _serve(self, device: BLEDevice, kit: Kit, ended: asyncio.Event, turn: Turn) -> None:
        """Connect and serve once; ServicesMissingError where it has not what its model sends."""
        self._reached = False
        async with self._connected(device, kit, ended) as client:
            self._reached = True
            _log.info("device_connected", device=turn.address)
            if missing(client.services, models.known(self.known.model)):
                raise ServicesMissingError(turn.address)
            session = Session(
                client,
                self.known,
                self._putting(turn),
                ended,
                self.cursors,
                self.policy,
                self.contact.charged,
            )
            try:
                await session.run()
            finally:
                if session.listening.is_set():
                    self._served()

    @asynccontextmanager
    async def _connected(
        self, device: BLEDevice, kit: Kit, ended: asyncio.Event
    ) -> AsyncIterator[BleakClient]:
        client = BleakClient(
            device, lambda _: ended.set(), timeout=_CONNECT_SECONDS, backend=kit.client
        )
        try:
            async with self.turns.attempt():
                await client.connect()
            yield client
        finally:
            with suppress(*GONE_WRONG):
                await client.disconnect()

    def _putting(self, turn: Turn) -> Put:
        def put(item: bytes) -> None:
            self.put(item)
            turn.speak()
            turn.stream = self._streams = gaps.kept(item).stream
            self._served()

        return put

    def _served(self) -> None:
        """Note that the device let us listen: whatever was wrong with it is over."""
        self.contact.trouble = None
        self.failures.clear()
        self._reached, self._cut = False, 0

    async def _mend(self, error: Exception, kit: Kit) -> None:
        """Say what a failure means, and do what its kind asks for after so many of them."""
        try:
            await self._diagnose(error, kit)
            cure = self.failures.note(error)
            if cure is not None:
                await self._cure(cure, kit)
        except GONE_WRONG as another:
            _log.info("not_mended", device=self._address, error=type(another).__name__)

    async def _diagnose(self, error: Exception, kit: Kit) -> None:
        """Tell a bond that one side has lost, which no stack says in so many words."""
        early = self._reached and not isinstance(error, ServicesMissingError)
        self._cut += early or cut(error)
        lost = isinstance(error, BondLostError)
        if not lost and self._cut >= _CUTS:
            lost = await kit.bonds.has(self._address)
        if lost and self.contact.trouble is not Cause.BOND_LOST:
            _log.warning("bond_lost", device=self._address)
            self.contact.trouble = Cause.BOND_LOST

    async def _cure(self, cure: Cure, kit: Kit) -> None:
        _log.info("device_cure", device=self._address, cure=cure.value, after=self.failures.kind)
        await kit.adapters.hang_up(self._address)
        if cure is Cure.FORGET_UNBONDED:
            await kit.adapters.forget_unbonded(self._address)

    @property
    def _address(self) -> str:
        return self.known.address.upper()


def _streams(known: KnownDevice) -> bool:
    """Say whether a model streams: what it says while nobody listens is little missed."""
    model = models.known(known.model)
    return model is not None and model.sends[0].partition("/")[2] in gaps.STREAMS
