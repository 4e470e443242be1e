"""The agent: hears assigned devices, has each served, keeps the radio hearing, never gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from balise.errors import RadioDown
from ingest.gateway.adverts import Adverts, advertises
from ingest.gateway.backoff import Backoff
from ingest.gateway.device_clock import Policy
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.records import Cursors
from ingest.gateway.session import Put
from ingest.gateway.stack import opened
from ingest.gateway.turns import Turns
from ingest.gateway.visit import GONE_WRONG, Contact, Visit
from ingest.gateway.watch import RadioState, Recovery, Rung, Watch

_log = structlog.get_logger(__name__)
_LOOKS = 3
"""How often a silence is looked at while it lasts."""
LINKS = 5
"""Links at once: adapters carry four to seven."""


class Agent:
    """Serves the devices of one home over the radios of one stack.

    `left_alone` says which of them a pairing has to do with just now.
    """

    def __init__(
        self,
        devices: Sequence[KnownDevice],
        put: Put,
        cursors: Cursors | None = None,
        policy: Policy | None = None,
        *,
        links: int = LINKS,
        recovery: Recovery | None = None,
    ) -> None:
        self._put = put
        self._cursors = cursors
        self._policy = policy
        self._turns = Turns(links)
        self._adverts = Adverts()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._visits: dict[str, Visit] = {}
        self._listening: bool | None = None
        self.on_radio: Callable[[], None] = lambda: None
        self.watch = Watch(recovery)
        self.contacts: dict[str, Contact] = {}
        self.left_alone: Callable[[KnownDevice], bool] = lambda _known: False
        for device in devices:
            self.add(device)

    def add(self, device: KnownDevice) -> None:
        """Serve one more device from now on, or one that was paired anew."""
        address = device.address.upper()
        contact = self.contacts.setdefault(address, Contact())
        contact.trouble = None
        put = self._putting(contact)
        self._visits[address] = Visit(
            device, put, contact, self._turns, self._cursors, self._policy
        )

    @property
    def busy(self) -> bool:
        """Whether a device is connected, or about to be."""
        return bool(self._tasks)

    @property
    def radio(self) -> RadioState:
        """How the radio is; unknown until it was first tried."""
        if self._listening is None:
            return RadioState.UNKNOWN
        return self.watch.state if self._listening else RadioState.DOWN

    def noted(self, *, listening: bool) -> None:
        """Note that the radio listens, or that it does not, and say so to whoever wants to know."""
        if listening is not self._listening:
            self._listening = listening
            self.on_radio()

    async def run(self, kit: Kit) -> None:
        """Listen until cancelled; BleakError where the radio does not scan, or no more."""

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            visit = self._visits.get(device.address.upper())
            self.watch.heard(stranger=visit is None)
            if visit is not None:
                self._hear(visit, device, advertisement, kit)

        try:
            await self._look_after_links(kit)
            async with kit.scan.listening(heard):
                self.noted(listening=True)
                while True:
                    await asyncio.sleep(self.watch.recovery.silence / _LOOKS)
                    await self._look_after_links(kit)
                    await self._look_after_radio(kit)
        finally:
            self.noted(listening=False)
            tasks = tuple(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def step_aside(self, model: str) -> None:
        """End the visits to devices of a model: one of them is about to be paired."""
        known = {address: visit.known for address, visit in self._visits.items()}
        tasks = [task for address, task in self._tasks.items() if known[address].model == model]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(
        self, visit: Visit, device: BLEDevice, advertisement: AdvertisementData, kit: Kit
    ) -> None:
        """Take what a device of ours advertises, or go to see it."""
        visit.contact.heard_at = datetime.now(UTC)
        if advertises(visit.known):
            for item in self._adverts.items(visit.known, advertisement.service_data):
                visit.put(item)
            return
        if visit.may_go_by(kit.adapters.heard_by(device)) and not self.left_alone(visit.known):
            self._meet(visit, device, kit)

    def _putting(self, contact: Contact) -> Put:
        """Return what spools a device's items and notes that it said something."""

        def put(item: bytes) -> None:
            self._put(item)
            contact.told_at = datetime.now(UTC)
            self.watch.heard(stranger=False)

        return put

    def _meet(self, visit: Visit, device: BLEDevice, kit: Kit) -> None:
        address = device.address.upper()
        if address in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(visit.serve(device, kit))
        self._tasks[address] = task
        task.add_done_callback(lambda _: self._tasks.pop(address, None))

    async def _look_after_links(self, kit: Kit) -> None:
        """See which bonds' adapters are here, and end links that a gateway before us has left."""
        here = await kit.adapters.here()
        for visit in self._visits.values():
            visit.look_for_adapter(here)
        for address in await kit.adapters.linked():
            found = self._visits.get(address)
            if found is None or address in self._tasks or self.left_alone(found.known):
                continue
            _log.info("phantom_link", device=address)
            await kit.adapters.hang_up(address)

    async def _look_after_radio(self, kit: Kit) -> None:
        """Do what the silence asks for, if it has lasted."""
        rung = self.watch.due()
        if rung is None:
            return
        _log.warning("radio_silent", rung=rung.value, radio=self.watch.state.value)
        try:
            if rung is Rung.POWER_CYCLE:
                await kit.adapters.power_cycle()
            if rung is not Rung.REPORT:
                await kit.scan.restart()
        except GONE_WRONG as error:
            self.watch.disobeyed()
            _log.warning("radio_disobeys", rung=rung.value, error=type(error).__name__)


async def serve(
    ble: str,
    agent: Agent,
    desk: Desk | None = None,
    on_kit: Callable[[Kit | None], None] = lambda _kit: None,
    keys: Path | None = None,
) -> None:
    """Run the agent for ever over the radio a setting names, opening it again when it is lost.

    `on_kit` is told what a pairing needs as soon as the radio is open, None when it is gone.
    """
    backoff = Backoff()
    while True:
        try:
            async with opened(ble, desk or Desk(), keys) as (kit, lost):
                on_kit(kit)
                await _until(lost, agent.run(kit))
        except (RadioDown, *GONE_WRONG) as error:
            agent.noted(listening=False)
            _log.warning("radio_down", ble=ble, error=str(error))
        finally:
            on_kit(None)
        await asyncio.sleep(backoff.next())


async def _until(lost: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run some work until it ends or the radio is lost; its own error goes on."""
    running = asyncio.create_task(work)
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait((running, losing), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        losing.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
