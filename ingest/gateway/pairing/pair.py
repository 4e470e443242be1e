"""One pairing, from the search to the proof: a measurement, then a return without help.

A bond alone proves nothing: some cuffs let their data be read in the pairing session and know
nobody the next day. So the device is in the list only after it has come back by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError, BleakError
from msgspec.structs import replace

from balise.errors import RadioDown
from devices.models.model import Model
from devices.models.model import Pairing as Way
from ingest.gateway import consent
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk, RefusalError
from ingest.gateway.pairing.figures import figures
from ingest.gateway.pairing.stages import Cause, Stage
from ingest.gateway.services import missing
from ingest.gateway.session import Put, Session

_log = structlog.get_logger(__name__)

_BONDS = (Way.JUST_WORKS, Way.PASSKEY_ON_DEVICE, Way.PASSKEY_ON_LABEL, Way.CONFIRM)
_CLEARLY_NEARER = 10  # dB between the strongest and the next device of one name


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait; a device may be silent for long, an old person slow."""

    search: float = 30.0
    gather: float = 2.0
    connect: float = 20.0
    measure: float = 180.0
    quiet: float = 15.0
    back: float = 600.0


_ATTEMPTS = 3
_BOND_SECONDS = 45.0
"""A device that shows a code gives up after 30; BlueZ's answer may be lost."""


class PairingError(Exception):
    """A pairing can't go on, for a cause that is shown."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


@dataclass(slots=True)
class Pairing:
    """The pairing of one device of a model; `put` spools what it measures on the way."""

    model: Model
    desk: Desk
    kit: Kit
    put: Put
    patience: Patience = Patience()

    async def run(self) -> KnownDevice | None:
        """Pair, show each step at the desk, and return the device once it has proved itself."""
        self.desk.begin(self.model.key)
        try:
            found = await self._find()
            known = KnownDevice(
                address=found.address.upper(), name=found.name or "", model=self.model.key
            )
            known = await self._bond_and_measure(found, known)
            await self._come_back(known)
        except PairingError as failure:
            self._fail(failure.cause)
        except RadioDown:
            self._fail(Cause.RADIO_DOWN)
        except BleakError as error:
            _log.info("pairing_failed", error=type(error).__name__)
            self._fail(_cause_of(error))
        except asyncio.CancelledError:
            self._fail(Cause.STOPPED)
            raise
        else:
            self.desk.move(Stage.DONE)
            return known
        return None

    def _fail(self, cause: Cause) -> None:
        self.desk.move(Stage.FAILED, cause=cause)

    async def _find(self) -> BLEDevice:
        """Return the one device of the model that is heard, or clearly the nearest."""
        heard: dict[str, tuple[BLEDevice, int]] = {}
        first = asyncio.Event()

        def on_heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            if self._is_of_model(device, advertisement):
                heard[device.address] = device, advertisement.rssi
                first.set()

        async with self.kit.scan.listening(on_heard):
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience.search):
                    await first.wait()
                await asyncio.sleep(self.patience.gather)
        return _nearest(list(heard.values()))

    def _is_of_model(self, device: BLEDevice, advertisement: AdvertisementData) -> bool:
        name = (advertisement.local_name or device.name or "").casefold()
        return any(name.startswith(prefix.casefold()) for prefix in self.model.names)

    async def _bond_and_measure(self, device: BLEDevice, known: KnownDevice) -> KnownDevice:
        """Return the device as it is to be known: by its identity, with its bond's adapter."""
        self.desk.move(Stage.CONNECTING, address=known.address)
        # A device in pairing mode has forgotten us: an old bond would only make it hang up.
        if await self.kit.bonds.has(known.address):
            await self.kit.bonds.forget(known.address)
            device = await self._find()  # BlueZ forgets the whole device with its bond
        async with self._connected(device) as (client, ended):
            if self.model.pairing in _BONDS:
                self.desk.move(Stage.BONDING)
                await self._bond(client, device)
                known = await self._bonded_device(device, known)
            await asyncio.sleep(self.model.settle_seconds)
            if missing(client.services, self.model):
                raise PairingError(Cause.NOT_THAT_DEVICE)
            known = await self._consented(client, known)
            self.desk.move(Stage.PROVING)
            shown = await self._measure(client, known, ended)
            self.desk.move(Stage.RESTING, figures=shown)
        return known

    async def _consented(self, client: BleakClient, known: KnownDevice) -> KnownDevice:
        """Ask for the person's consent code where the scale wants one, and try it."""
        if not self.model.consent or not consent.asked(client):
            return known
        try:
            user, code = await self.desk.consent()
        except RefusalError as error:
            raise PairingError(Cause.CONSENT_REFUSED) from error
        if not await consent.give(client, user, code):
            raise PairingError(Cause.CONSENT_REFUSED)
        return replace(known, consents={user: code})

    async def _bonded_device(self, device: BLEDevice, known: KnownDevice) -> KnownDevice:
        """Return what the bond has told: the address that lasts, and which adapter has the keys."""
        address = await self.kit.bonds.identity(device)
        self.desk.rename(known.address, address)
        adapter = await self.kit.bonds.holder(address)
        return KnownDevice(address=address, name=known.name, model=known.model, adapter=adapter)

    @asynccontextmanager
    async def _connected(
        self, device: BLEDevice
    ) -> AsyncIterator[tuple[BleakClient, asyncio.Event]]:
        ended = asyncio.Event()
        client = BleakClient(
            device,
            lambda _: ended.set(),
            timeout=self.patience.connect,
            backend=self.kit.client,
        )
        await self._connect(client, ended)
        try:
            yield client, ended
        finally:
            with suppress(BleakError, TimeoutError):
                await client.disconnect()

    async def _connect(self, client: BleakClient, ended: asyncio.Event) -> None:
        """Connect, again where the link fails at once, as it often does with many about."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await client.connect()
            except (BleakDeviceNotFoundError, TimeoutError) as error:
                raise PairingError(Cause.ASLEEP) from error
            except BleakError:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(0.5)
                ended.clear()
            else:
                return

    async def _bond(self, client: BleakClient, device: BLEDevice) -> None:
        asking = asyncio.create_task(client.pair())
        try:
            async with asyncio.timeout(_BOND_SECONDS):
                await self._bonded(asking, device)
        except (BleakError, TimeoutError, EOFError) as error:
            # BlueZ also bonds by itself, where a device refuses to be read before; to be asked in
            # that moment it answers with an error, or never.
            if not await self._bonded_after_all(device):
                raise PairingError(self._why_no_bond(client, error)) from error
        finally:
            await _end(asking)
        if self.kit.bonds_unasked and not await self._has_bond(device):
            raise PairingError(Cause.REFUSED)

    async def _has_bond(self, device: BLEDevice) -> bool:
        """Whether there is a bond, which turns a private address into the one that lasts."""
        return await self.kit.bonds.has(await self.kit.bonds.identity(device))

    async def _bonded(self, asking: asyncio.Task[None], device: BLEDevice) -> None:
        """Wait for the answer; not for long where the bond is there without one."""
        while not asking.done() and not await self._has_bond(device):
            await asyncio.wait((asking,), timeout=0.5)
        await asyncio.wait((asking,), timeout=2)
        if asking.done():
            asking.result()

    async def _bonded_after_all(self, device: BLEDevice) -> bool:
        for _ in range(10):
            if self.kit.bonds_unasked and await self._has_bond(device):
                return True
            await asyncio.sleep(0.1)
        return False

    def _why_no_bond(self, client: BleakClient, error: Exception) -> Cause:
        if self.desk.late_code:
            return Cause.LATE_CODE
        if self.desk.typed_code:
            return Cause.WRONG_CODE
        if self.desk.progress and self.desk.progress.digits:
            return Cause.NOT_CONFIRMED
        if isinstance(error, TimeoutError) or not client.is_connected:
            return Cause.ASLEEP if isinstance(error, TimeoutError) else Cause.REFUSED
        return Cause.REFUSED

    async def _measure(
        self, client: BleakClient, known: KnownDevice, ended: asyncio.Event
    ) -> tuple[str, ...]:
        """Return the first figures that come; the session then goes on until it is quiet."""
        last, more = tuple[str, ...](), asyncio.Event()

        def put(item: bytes) -> None:
            nonlocal last
            self.put(item)
            if shown := figures(item):
                last = shown
                more.set()

        session = asyncio.create_task(Session(client, known, put, ended).run())
        try:
            await _first(more, session, self.patience.measure)
            while more.is_set() and not session.done():
                more.clear()
                await _first(more, session, self.patience.quiet)
        finally:
            await _end(session)
        if not last:
            raise PairingError(Cause.NOTHING_MEASURED)
        return last

    async def _come_back(self, known: KnownDevice) -> None:
        """Wait until the device is back by itself and lets us listen."""
        try:
            async with asyncio.timeout(self.patience.back):
                while True:
                    if await self._listened(await self.kit.scan.find(known.address), known):
                        return
                    await asyncio.sleep(1)
        except TimeoutError as error:
            raise PairingError(Cause.NOT_BACK) from error

    async def _listened(self, device: BLEDevice, known: KnownDevice) -> bool:
        """Whether a connection without any help lets us subscribe."""
        try:
            async with self._connected(device) as (client, ended):
                session = Session(client, known, self.put, ended)
                running = asyncio.create_task(session.run())
                await _first(session.listening, running, self.patience.connect)
                # What it has to tell is taken, until it hangs up or has nothing more.
                await asyncio.wait((running,), timeout=self.patience.quiet)
                await _end(running)
                return session.listening.is_set()
        except (PairingError, BleakError, EOFError):
            return False


async def _first(event: asyncio.Event, task: asyncio.Task[None], seconds: float) -> None:
    """Wait for an event, the end of a task, or so many seconds."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((waiting, task), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def _end(session: asyncio.Task[None]) -> None:
    """End a session; what its device did to it meanwhile changes nothing."""
    session.cancel()
    with suppress(asyncio.CancelledError, BleakError, TimeoutError, EOFError):
        await session


def _nearest(heard: list[tuple[BLEDevice, int]]) -> BLEDevice:
    if not heard:
        raise PairingError(Cause.NOT_HEARD)
    ordered = sorted(heard, key=lambda one: one[1], reverse=True)
    if len(ordered) > 1 and ordered[0][1] - ordered[1][1] < _CLEARLY_NEARER:
        raise PairingError(Cause.SEVERAL)
    return ordered[0][0]


def _cause_of(error: BleakError) -> Cause:
    """Return what a failure of the radio means: BlueZ names its errors."""
    name = error.dbus_error if isinstance(error, BleakDBusError) else ""
    if name in ("org.bluez.Error.InProgress", "org.bluez.Error.Busy"):
        return Cause.RADIO_BUSY
    if name in ("org.bluez.Error.NotReady", "org.freedesktop.DBus.Error.ServiceUnknown"):
        return Cause.RADIO_DOWN
    return Cause.ASLEEP
