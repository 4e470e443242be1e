"""The gateway process: an agent in front of a spool, a publisher behind it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import structlog

from balise.errors import UsageError
from balise.settings import Settings
from ingest.gateway import device_clock, devices, health, renewal, standing, systemd
from ingest.gateway.agent import serve
from ingest.gateway.box import Box, Habits
from ingest.gateway.certificate import Identity
from ingest.gateway.clock import Watch
from ingest.gateway.condition import Look
from ingest.gateway.local.home import LocalHome
from ingest.gateway.page.house import house_of
from ingest.gateway.page.serve import served
from ingest.gateway.publish import Publisher
from ingest.gateway.redelivery import Redelivery
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Spool, Status
from ingest.mqtt import Broker

_log = structlog.get_logger(__name__)
_LOOKED_BACK = 1000
"""Items among which the last one of each device is looked for; most are a stream's."""


async def run(settings: Settings, remote: RemoteSettings | None = None) -> None:
    """Serve this home's devices until cancelled, by itself where remote settings are due."""
    if not settings.gateway_name:
        raise UsageError("BALISE_GATEWAY_NAME is not set: which gateway is this?")
    folder = devices.folder(settings.home, settings.gateway_name)
    path = folder / "spool.db"
    spool = Spool(path, settings.spool_mb)
    remote = remote or RemoteSettings(folder, settings)

    watch = Watch(trusted=settings.gateway_clock == "trusted")
    redelivery = Redelivery(body for _, body in spool.newest(_LOOKED_BACK))

    def put(item: bytes) -> None:
        if redelivery.again(item, datetime.now(UTC)):
            _log.info("told_again", gateway=settings.gateway_name)
            return
        spool.put(watch.marked(item))
        publisher.wake()
        local.take(item)

    def status() -> bytes:
        state, now = local.seen(box.state()), datetime.now(UTC)
        condition = look.now(state.adapter)
        return health.encode(state, clock_known=watch.known(), now=now, box=condition)

    depth = Depth(path, settings.spool_mb)
    box = Box(
        settings.gateway_name,
        folder / "devices.json",
        put,
        waiting=depth.waiting,
        connected=lambda: publisher.connected,
        habits=Habits(device_clock.policy(settings, watch), settings.ble_links),
    )
    publisher = Publisher(
        Broker(settings), settings.gateway_name, path, settings.receipt_timeout, status, watch
    )
    local = LocalHome(settings, folder, box.state, watch, publisher.wake)
    look = Look(settings, folder, depth.status, lambda: publisher.connected_at, remote)
    publisher.take_settings = remote.take
    standing.remember(folder, box.agent.contacts)
    publisher.start()
    local.start()
    this = cast("asyncio.Task[None]", asyncio.current_task())
    beside = [
        asyncio.create_task(work)
        for work in (
            systemd.watch(lambda: publisher.alive),
            _renew(folder, publisher),
            standing.keep(folder, box, status),
            remote.watch(lambda: box.busy, this.cancel),
        )
    ]
    systemd.notify("READY=1")
    try:
        house = house_of(settings, folder, box, depth.full)
        async with served(house, settings.gateway_port):
            await serve(settings.ble, box.agent, box.desk, house.take, box.keys)
    finally:
        if not remote.due:
            systemd.notify("STOPPING=1")
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        local.stop()
        publisher.stop()
        spool.close()


async def _renew(folder: Path, publisher: Publisher) -> None:
    """Keep the certificate of an enrolled box good; a box with a password has none."""
    found = Identity(folder)
    if found.broker is not None:
        await renewal.keep(found, publisher.renew)


class Depth:
    """How much waits, asked by any thread: a connection for each."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self._path = path
        self._megabytes = megabytes
        self._local = threading.local()

    def waiting(self) -> int:
        """Return how many items have no receipt yet."""
        return self._spool().depth()

    def full(self) -> bool:
        """Whether what waits takes nearly all the room, so that some of it must go soon."""
        share = self.status().share
        return share is not None and share > health.FULL

    def status(self) -> Status:
        """Return what there is to say of the spool."""
        return self._spool().status()

    def _spool(self) -> Spool:
        if not hasattr(self._local, "spool"):
            self._local.spool = Spool(self._path, self._megabytes)
        spool: Spool = self._local.spool
        return spool
