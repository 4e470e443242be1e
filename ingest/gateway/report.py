"""`balise gateway status` and `devices`: what is known on the box itself, and since when.

Spool, certificate, disk and clock are looked at now, whether or not the gateway's process runs.
Devices, adapter, connection and settings are as that process said last: at most a minute ago while
it runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from balise.settings import Settings
from devices import models
from devices.models.model import Pairing
from ingest.gateway import devices, standing
from ingest.gateway.clock import Timekeeper
from ingest.gateway.condition import certificate_until, spool_health
from ingest.gateway.health import Condition, DeviceHealth, Health, Remote, RemoteState
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Spool

_UNBONDED = (Pairing.NONE, Pairing.ADVERTISEMENT)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a box is; `said_at` is when its process said the part that only it knows."""

    gateway: str
    running: bool
    said_at: datetime | None
    clock: str
    epoch: str
    given: int
    box: Condition
    devices: tuple[DeviceHealth, ...]


def look(settings: Settings, remote: RemoteSettings) -> Report:
    """Return how this box is."""
    folder = devices.folder(settings.home, settings.gateway_name)
    said, running = standing.read(folder), standing.runs(folder)
    spool = Spool(folder / "spool.db", settings.spool_mb)
    try:
        epoch, found = str(spool.epoch), spool.status()
    finally:
        spool.close()
    before = said.box if said and said.box else Condition()
    now = msgspec.structs.replace(
        before,
        connected_at=before.connected_at if running else None,
        spool=spool_health(found),
        certificate_until=certificate_until(folder),
        page_port=settings.gateway_port,
        disk_free=shutil.disk_usage(folder).free,
        settings=before.settings if running else remote.standing(),
    )
    known = Timekeeper(trusted=settings.gateway_clock == "trusted").known()
    path = folder / "devices.json"
    return Report(
        gateway=settings.gateway_name,
        running=running,
        said_at=said.sent_at if said else None,
        clock="synchronised" if known else "unsynchronised",
        epoch=epoch,
        given=found.given,
        box=now,
        devices=_devices(devices.read(path) if path.exists() else [], said),
    )


def _devices(known: Sequence[devices.KnownDevice], said: Health | None) -> tuple[DeviceHealth, ...]:
    """Return each device of the file, with what was said of it."""
    told = {one.address.upper(): one for one in said.devices} if said else {}
    silent = {one.address.upper(): _silent(one) for one in known}
    return tuple(told.get(address, nothing) for address, nothing in silent.items())


def _silent(one: devices.KnownDevice) -> DeviceHealth:
    return DeviceHealth(address=one.address, model=one.model, heard_at=None, told_at=None)


def words(report: Report) -> Iterator[tuple[str, str]]:
    """Say it in plain words: what it is about, and how it is."""
    box = report.box
    yield "gateway", f"{report.gateway}, {'running' if report.running else 'not running'}"
    if report.said_at:
        yield "seen by it", f"devices, adapter and server, at {moment(report.said_at)}"
    connected = f"connected since {moment(box.connected_at)}" if box.connected_at else "offline"
    yield "server", connected if report.running else "not connected: the gateway does not run"
    yield "clock", "is known" if report.clock == "synchronised" else "follows no time server"
    if box.adapter:
        yield "adapter", f"{box.adapter.state} {box.adapter.name} {box.adapter.address}".rstrip()
    yield from _spool(report)
    until = box.certificate_until
    yield "certificate", f"good until {moment(until)}" if until else "none: not enrolled"
    yield "page", f"port {box.page_port}" if box.page_port else "not served"
    yield "disk", f"{(box.disk_free or 0) / 1e9:.1f} GB free"
    yield "settings", settings_words(box.settings)
    yield "devices", f"{len(report.devices)}; see `balise gateway devices`"


def _spool(report: Report) -> Iterator[tuple[str, str]]:
    spool = report.box.spool
    if spool is None:
        return
    oldest = f", the oldest from {moment(spool.oldest)}" if spool.oldest else ""
    yield "waiting", f"{spool.waiting} of {report.given} items{oldest}"
    yield "spool", f"{spool.bytes / 1e6:.1f} MB, {spool.share or 0:.0%} of its room taken"
    yield "let go", f"{spool.let_go} items, declared as gaps" if spool.let_go else "nothing"


def settings_words(found: Remote | None) -> str:
    """Say what became of the settings that the server set."""
    if found is None or (found.state is RemoteState.NONE and not found.refused):
        return "none from the server"
    said = {
        RemoteState.NONE: "none from the server",
        RemoteState.APPLIED: f"version {found.version} applied",
        RemoteState.PENDING: (
            f"version {found.version} kept; in effect as soon as no device is connected"
        ),
    }[found.state]
    if found.own:
        said += f"; set on the box itself, which wins: {', '.join(found.own)}"
    if found.refused:
        said += f"; refused: {found.refused}"
    return said


def device_row(one: DeviceHealth) -> tuple[str, ...]:
    """Return a device's cells: address, model, last heard, last told, battery, bond."""
    model = models.known(one.model)
    bond = {True: "yes", False: "no", None: "?"}[one.bonded]
    if model is not None and model.pairing in _UNBONDED:
        bond = "needs none"
    battery = "?"
    if one.battery is not None:
        battery = f"{one.battery} %" + (f", {moment(one.battery_at)}" if one.battery_at else "")
    return (
        one.address,
        f"{model.maker} {model.name}" if model else one.model or "?",
        moment(one.heard_at) if one.heard_at else "never",
        moment(one.told_at) if one.told_at else "never",
        battery,
        bond,
    )


def moment(at: datetime) -> str:
    """Return a moment to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
