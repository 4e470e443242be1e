"""The gateway process: an agent in front of a spool, a publisher behind it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import structlog

from balise.errors import UsageError
from balise.settings import Settings
from ingest.gateway import device_clock, devices, health, renewal, standing, systemd
from ingest.gateway.agent import serve
from ingest.gateway.box import Box, Habits
from ingest.gateway.certificate import Identity
from ingest.gateway.clock import Timekeeper
from ingest.gateway.condition import Look
from ingest.gateway.depth import Depth
from ingest.gateway.local.home import LocalHome
from ingest.gateway.page.house import Word, house_of
from ingest.gateway.page.serve import served
from ingest.gateway.publish import Publisher
from ingest.gateway.redelivery import Redelivery
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

_log = structlog.get_logger(__name__)
_LOOKED_BACK = 1000
"""Items among which the last one of each device is looked for; most are a stream's."""


async def run(settings: Settings, remote: RemoteSettings | None = None) -> None:
    """Serve this home's devices until cancelled, by itself where remote settings are due."""
    if not settings.gateway_name:
        raise UsageError("BALISE_GATEWAY_NAME is not set: which gateway is this?")
    folder = devices.folder(settings.home, settings.gateway_name)
    await Gateway(settings, remote or RemoteSettings(folder, settings)).run()


class Gateway:
    """The parts of one box, put together."""

    def __init__(self, settings: Settings, remote: RemoteSettings) -> None:
        self._settings, self._remote = settings, remote
        self._folder = devices.folder(settings.home, settings.gateway_name)
        path = self._folder / "spool.db"
        self._spool = Spool(path, settings.spool_mb)
        self._depth = Depth(path, settings.spool_mb)
        self._timekeeper = Timekeeper(trusted=settings.gateway_clock == "trusted")
        self._redelivery = Redelivery(body for _, body in self._spool.newest(_LOOKED_BACK))
        self._publisher = self._publishing()
        self._box = self._boxed()
        self._local = LocalHome(
            settings, self._folder, self._box.state, self._timekeeper, self._publisher.wake
        )
        self._look = Look(
            settings,
            self._folder,
            self._depth.status,
            lambda: self._publisher.connected_at,
            remote,
        )
        self._changed = asyncio.Event()
        self._box.agent.on_radio = self._changed.set
        standing.remember(self._folder, self._box.agent.contacts)

    def _publishing(self) -> Publisher:
        settings = self._settings
        publisher = Publisher(
            Broker(settings),
            settings.gateway_name,
            self._folder / "spool.db",
            settings.receipt_timeout,
            self.status,
            self._timekeeper,
        )
        publisher.take_settings = self._remote.take
        return publisher

    def _boxed(self) -> Box:
        policy = device_clock.policy(self._settings, self._timekeeper)
        return Box(
            self._settings.gateway_name,
            self._folder / "devices.json",
            self.put,
            waiting=self._depth.waiting,
            connected=lambda: self._publisher.connected,
            habits=Habits(policy, self._settings.ble_links),
        )

    def put(self, item: bytes) -> None:
        """Commit what a device said, unless it says again what a kill left unconfirmed."""
        if self._redelivery.again(item, datetime.now(UTC)):
            _log.info("told_again", gateway=self._settings.gateway_name)
            return
        self._spool.put(self._timekeeper.marked(item))
        self._publisher.wake()
        self._local.take(item)

    def status(self) -> bytes:
        """Return what the box says of itself."""
        state, now = self._local.seen(self._box.state()), datetime.now(UTC)
        condition = self._look.now(state.adapter)
        known = self._timekeeper.known()
        return health.encode(state, clock_known=known, now=now, box=condition)

    def _said(self) -> bytes:
        """Return what the box says of itself, and have the server told it too."""
        self._publisher.tell()
        return self.status()

    async def run(self) -> None:
        """Serve until cancelled."""
        self._publisher.start()
        self._local.start()
        beside = self._beside()
        systemd.notify("READY=1")
        try:
            await self._serve()
        finally:
            if not self._remote.due:
                systemd.notify("STOPPING=1")
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            self._local.stop()
            self._publisher.stop()
            self._spool.close()

    async def _serve(self) -> None:
        house = house_of(
            self._settings,
            self._folder,
            self._box,
            self._depth.full,
            word=lambda: Word.of(self._remote.settings),
        )
        async with served(house, self._settings.gateway_port):
            box = self._box
            await serve(self._settings.ble, box.agent, box.desk, house.take, box.keys)

    def _beside(self) -> list[asyncio.Task[None]]:
        """Start what goes on beside the agent."""
        this = cast("asyncio.Task[None]", asyncio.current_task())
        work = (
            systemd.watch(lambda: self._publisher.alive),
            self._renew(),
            standing.keep(self._folder, self._box, self._said, self._changed),
            self._remote.watch(lambda: self._box.busy, this.cancel),
        )
        return [asyncio.create_task(one) for one in work]

    async def _renew(self) -> None:
        """Keep the certificate of an enrolled box good; a box with a password has none."""
        found = Identity(self._folder)
        if found.broker is not None:
            await renewal.keep(found, self._publisher.renew)
