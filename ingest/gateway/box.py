"""The gateway as its page and its commands see it: devices, pairing, what waits, what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from bleak.exc import BleakError
from msgspec.structs import replace

from balise.errors import UsageError
from devices.models.model import Model
from ingest.gateway import devices
from ingest.gateway.adapter import Adapter
from ingest.gateway.agent import LINKS, Agent
from ingest.gateway.device_clock import Policy
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.pair import Pairing, Patience
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.records import Cursors
from ingest.gateway.session import Put
from ingest.gateway.watch import RadioState

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device of this home, when it was last heard and said something, what is to be mended."""

    device: KnownDevice
    heard_at: datetime | None
    told_at: datetime | None
    battery: int | None = None
    battery_at: datetime | None = None
    bonded: bool | None = None
    trouble: Cause | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What the gateway can say of itself without asking anyone; `local` is the broker at home."""

    gateway: str
    devices: tuple[DeviceState, ...]
    waiting: int
    connected: bool
    radio: bool
    local: str = ""
    adapter: Adapter = field(default_factory=Adapter)


@dataclass(frozen=True, slots=True)
class Habits:
    """How a box treats its devices: whose clocks it sets, links at once, how long it waits."""

    policy: Policy | None = None
    links: int = LINKS
    patience: Patience = field(default_factory=Patience)


class Box:
    """One gateway: its known devices are kept in a file, a pairing adds to it."""

    def __init__(
        self,
        name: str,
        path: Path,
        put: Put,
        *,
        waiting: Callable[[], int] = lambda: 0,
        connected: Callable[[], bool] = lambda: False,
        habits: Habits | None = None,
    ) -> None:
        self.name = name
        self.desk = Desk()
        self._path = path
        self._put = put
        self._waiting, self._connected = waiting, connected
        self._habits = habits or Habits()
        self._known = devices.read(path) if path.exists() else []
        cursors = Cursors(path.with_name("cursors.json"))
        policy, links = self._habits.policy, self._habits.links
        self.agent = Agent(self._known, put, cursors, policy, links=links)
        self.agent.left_alone = self._is_paired_now
        self._kit: Kit | None = None
        self._adapter = Adapter()
        self._unanswered = False
        self._pairing: asyncio.Task[None] | None = None

    @property
    def keys(self) -> Path:
        """Where a radio that has no BlueZ keeps its bonds."""
        return self._path.with_name("bonds.json")

    def _is_paired_now(self, device: KnownDevice) -> bool:
        """Whether the pairing that goes on has to do with a device, or may have."""
        progress = self.desk.progress
        if progress is None or not self.desk.open:
            return False
        if progress.address:
            return self.desk.allows(device.address)
        return progress.model == device.model

    def take(self, kit: Kit | None) -> None:
        """Take what a pairing needs of the radio, None where the radio is gone."""
        self._kit = kit
        self._unanswered = False

    def state(self) -> State:
        """Return what there is to say now."""
        contacts = [(one, self.agent.contacts[one.address.upper()]) for one in self._known]
        return State(
            gateway=self.name,
            devices=tuple(
                DeviceState(
                    one, at.heard_at, at.told_at, at.battery, at.battery_at, at.bonded, at.trouble
                )
                for one, at in contacts
            ),
            waiting=self._waiting(),
            connected=self._connected(),
            radio=self._kit is not None,
            adapter=replace(self._adapter, state=self._radio()),
        )

    @property
    def busy(self) -> bool:
        """Whether a device is connected or a pairing goes on."""
        return self.agent.busy or (self._pairing is not None and not self._pairing.done())

    def _radio(self) -> RadioState:
        return RadioState.HUNG if self._unanswered else self.agent.radio

    async def look(self) -> None:
        """Ask the radio which it is and whose bonds it has, for `state` to say from now on."""
        kit = self._kit
        if kit is None:
            return
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._look(kit)
            self._unanswered = False
        except TimeoutError:
            self._unanswered = True
        except (BleakError, OSError, EOFError) as error:
            _log.warning("radio_not_asked", error=type(error).__name__)

    async def _look(self, kit: Kit) -> None:
        for address, name in (await kit.adapters.here()).items():
            self._adapter = Adapter(name=name, address=address)
            break
        for one in self._known:
            contact = self.agent.contacts[one.address.upper()]
            contact.bonded = await kit.bonds.has(one.address)

    def pair(self, model: Model) -> None:
        """Start to pair a device of a model; UsageError while another pairing goes on."""
        if self._pairing is not None and not self._pairing.done():
            raise UsageError("a pairing goes on already: stop it first")
        if self._kit is None:
            raise UsageError("the Bluetooth radio is not there: see `balise gateway doctor`")
        pairing = Pairing(model, self.desk, self._kit, self._put, self._habits.patience)
        self._pairing = asyncio.create_task(self._pair(pairing))

    async def _pair(self, pairing: Pairing) -> None:
        self.desk.begin(pairing.model.key)
        await self.agent.step_aside(pairing.model.key)
        device = await pairing.run()
        if device is not None:
            self._known = [one for one in self._known if one.address != device.address]
            self._known.append(device)
            devices.write(self._path, self._known)
            self.agent.add(device)

    async def stop_pairing(self) -> None:
        """Stop the pairing that goes on, if any."""
        if self._pairing is not None and not self._pairing.done():
            self._pairing.cancel()
            await asyncio.gather(self._pairing, return_exceptions=True)
