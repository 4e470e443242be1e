"""`balise gateway doctor`: each part of the box, how it is, and the one thing to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from balise.errors import BaliseError, BrokerDown
from balise.finding import Finding
from balise.settings import Settings
from ingest.gateway import clock, devices
from ingest.gateway.local import home
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.spool import Spool
from ingest.gateway.stack import opened
from ingest.mqtt import Broker

_SECONDS = 5.0
_LATE = timedelta(hours=1)


async def check(settings: Settings) -> list[Finding]:
    """Return how each part is, in the order in which a mend makes sense."""
    return [await _try(part, look, settings) for part, look in CHECKS.items()]


async def _try(
    part: str, look: Callable[[Settings], Awaitable[str]], settings: Settings
) -> Finding:
    try:
        return Finding(part, ok=True, says=await look(settings))
    except (BaliseError, OSError) as error:
        return Finding(part, ok=False, says=str(error))


async def _clock(settings: Settings) -> str:
    if settings.gateway_clock == "trusted":
        return "is taken for right, as BALISE_GATEWAY_CLOCK says"
    if not clock.synchronised():
        raise BaliseError(
            "no time server is followed, so that readings are marked until one is:"
            " timedatectl set-ntp true"
        )
    return "follows a time server"


async def _radio(settings: Settings) -> str:
    async with opened(settings.ble, Desk()):
        return f"{settings.ble} answers"


async def _broker(settings: Settings) -> str:
    broker = Broker(settings)
    try:
        socket.create_connection((broker.host, broker.port), timeout=_SECONDS).close()
    except OSError as error:
        raise BrokerDown(
            f"{broker.host}:{broker.port} does not answer: is the internet there? What is"
            " measured waits in the box"
        ) from error
    return f"{broker.host}:{broker.port} answers"


async def _spool(settings: Settings) -> str:
    path = devices.folder(settings.home, settings.gateway_name) / "spool.db"
    spool = Spool(path, settings.spool_mb)
    try:
        found = spool.status()
    finally:
        spool.close()
    full = f"{found.share or 0:.0%} of the spool"
    if found.oldest is not None and datetime.now(UTC) - found.oldest > _LATE:
        raise BaliseError(
            f"{found.waiting} items wait since {found.oldest:%Y-%m-%d %H:%M} UTC, {full}: see"
            " `broker`"
        )
    return f"{found.waiting} items wait, {full}"


async def _devices(settings: Settings) -> str:
    known = devices.read(devices.folder(settings.home, settings.gateway_name) / "devices.json")
    if not known:
        raise BaliseError("no device is paired: `balise gateway pair MODEL`")
    return f"{len(known)} devices"


async def _local(settings: Settings) -> str:
    return await asyncio.to_thread(
        home.check, settings, devices.folder(settings.home, settings.gateway_name)
    )


CHECKS: dict[str, Callable[[Settings], Awaitable[str]]] = {
    "clock": _clock,
    "radio": _radio,
    "broker": _broker,
    "spool": _spool,
    "devices": _devices,
    "local": _local,
}
"""The parts of a box."""
