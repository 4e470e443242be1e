"""`balise gateway doctor`: each part of the box, how it is, and the one thing to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bleak.exc import BleakError

from balise.errors import BaliseError, BrokerDown, RadioDown
from balise.finding import Finding
from balise.settings import Settings
from ingest.gateway import clock, devices, renewal, report
from ingest.gateway.certificate import Identity
from ingest.gateway.health import LATE, LOW_BATTERY, LOW_DISK, SpoolHealth
from ingest.gateway.kit import Kit
from ingest.gateway.local import home
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.report import Report
from ingest.gateway.stack import opened
from ingest.mqtt import Broker

_SECONDS = 5.0
_DAY = timedelta(days=1)

Check = Callable[[Settings, Report], Awaitable[str]]


async def check(settings: Settings, remote: RemoteSettings | None = None) -> list[Finding]:
    """Return how each part is, in the order in which a mend makes sense."""
    folder = devices.folder(settings.home, settings.gateway_name)
    found = report.look(settings, remote or RemoteSettings(folder, settings))
    return [await _try(part, look, settings, found) for part, look in CHECKS.items()]


async def _try(part: str, look: Check, settings: Settings, found: Report) -> Finding:
    try:
        return Finding(part, ok=True, says=await look(settings, found))
    except (BaliseError, OSError) as error:
        return Finding(part, ok=False, says=str(error))


async def _process(_settings: Settings, found: Report) -> str:
    if not found.running:
        raise BaliseError("the gateway does not run: systemctl start balise-gateway")
    return "runs"


async def _clock(settings: Settings, _found: Report) -> str:
    if settings.gateway_clock == "trusted":
        return "is taken for right, as BALISE_GATEWAY_CLOCK says"
    if not clock.synchronised():
        raise BaliseError(
            "no time server is followed, so that readings are marked until one is:"
            " timedatectl set-ntp true"
        )
    return "follows a time server"


async def _disk(_settings: Settings, found: Report) -> str:
    free = found.box.disk_free or 0
    if free < LOW_DISK:
        raise BaliseError(f"{free / 1e6:.0f} MB are free: delete something, or take a larger card")
    return f"{free / 1e9:.1f} GB are free"


async def _radio(settings: Settings, _found: Report) -> str:
    async with opened(settings.ble, Desk()) as (kit, _lost):
        here = await kit.adapters.here()
        gone = {one.adapter for one in _known(settings) if one.adapter} - set(here)
        if gone:
            raise BaliseError(
                f"the adapter {', '.join(sorted(gone))}, which holds the bond of a device, is gone:"
                " put it back, or pair the device again"
            )
        heard = await _heard(kit)
    if heard:
        return f"{settings.ble} answers and hears"
    return (
        f"{settings.ble} answers, and heard nothing in {_SECONDS:g} s: where a device is on, unplug"
        " the box for 10 seconds"
    )


async def _heard(kit: Kit) -> bool:
    """Say whether anything is heard at all."""
    something = asyncio.Event()
    try:
        async with kit.scan.listening(lambda *_: something.set()):
            async with asyncio.timeout(_SECONDS):
                return await something.wait()
    except TimeoutError:
        return False
    except BleakError as error:
        raise RadioDown(f"the radio does not scan: {error}") from error


async def _certificate(settings: Settings, found: Report) -> str:
    until = found.box.certificate_until
    if until is None:
        return "none: the box comes by name and password"
    identity = Identity(devices.folder(settings.home, settings.gateway_name))
    due, now = renewal.due(identity.certificate), datetime.now(UTC)
    if now > until:
        raise BaliseError(
            f"ended {until:%Y-%m-%d}: start the gateway where the internet is there, and it renews"
        )
    if now > due + _DAY:
        raise BaliseError(
            f"ends {until:%Y-%m-%d} and should have been renewed on {due:%Y-%m-%d}: why not is in"
            " `journalctl -u balise-gateway` (renewal_failed)"
        )
    return f"good until {until:%Y-%m-%d}, renewed from {due:%Y-%m-%d} on"


async def _broker(settings: Settings, _found: Report) -> str:
    broker = Broker(settings)
    try:
        await asyncio.to_thread(broker.check, _SECONDS)
    except BrokerDown as error:
        raise BrokerDown(
            f"{error}: is the internet there? What is measured waits in the box"
        ) from error
    return f"{broker.host}:{broker.port} answers and lets us in"


async def _spool(_settings: Settings, found: Report) -> str:
    spool = found.box.spool or SpoolHealth()
    full = f"{spool.share or 0:.0%} of the spool"
    if spool.oldest is not None and datetime.now(UTC) - spool.oldest > LATE:
        raise BaliseError(
            f"{spool.waiting} items wait since {spool.oldest:%Y-%m-%d %H:%M} UTC, {full}: see"
            " `broker`"
        )
    return f"{spool.waiting} items wait, {full}"


async def _page(_settings: Settings, found: Report) -> str:
    port = found.box.page_port
    if not port:
        return "not served: BALISE_GATEWAY_PORT is 0"
    if not found.running:
        raise BaliseError(f"nothing is served at port {port}: see `process`")
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_SECONDS).close()
    except OSError as error:
        raise BaliseError(
            f"port {port} does not answer: set BALISE_GATEWAY_PORT to one that no other program has"
        ) from error
    return f"port {port} answers"


def _known(settings: Settings) -> list[devices.KnownDevice]:
    path = devices.folder(settings.home, settings.gateway_name) / "devices.json"
    return devices.read(path) if path.exists() else []


async def _devices(_settings: Settings, found: Report) -> str:
    if not found.devices:
        raise BaliseError("no device is paired: `balise gateway pair MODEL`")
    return f"{len(found.devices)} devices"


async def _local(settings: Settings, _found: Report) -> str:
    return await asyncio.to_thread(
        home.check, settings, devices.folder(settings.home, settings.gateway_name)
    )


async def _battery(_settings: Settings, found: Report) -> str:
    levels = [one for one in found.devices if one.battery is not None]
    low = [one for one in levels if (one.battery or 0) < LOW_BATTERY]
    if low:
        named = ", ".join(f"{one.model or one.address} ({one.battery} %)" for one in low)
        raise BaliseError(f"put new batteries into {named}")
    return f"{len(levels)} of {len(found.devices)} devices say their level; none is low"


async def _settings(_settings: Settings, found: Report) -> str:
    settings = found.box.settings
    if settings is not None and settings.refused:
        raise BaliseError(report.settings_words(settings))
    return report.settings_words(settings)


CHECKS: dict[str, Check] = {
    "process": _process,
    "clock": _clock,
    "disk": _disk,
    "radio": _radio,
    "certificate": _certificate,
    "broker": _broker,
    "spool": _spool,
    "page": _page,
    "devices": _devices,
    "local": _local,
    "battery": _battery,
    "settings": _settings,
}
"""The parts of a box."""
