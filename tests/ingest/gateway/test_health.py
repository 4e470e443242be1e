"""What a box says of itself: its status, its clock, its manager, its doctor."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from balise import certificates
from balise.authority import Authority
from balise.finding import Finding
from balise.settings import Settings
from balise.stack import Stack
from balise.up import gateway_settings
from bench.waiting import until
from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway import box as box_module
from ingest.gateway import doctor, health, report, systemd
from ingest.gateway.adapter import Adapter
from ingest.gateway.box import Box, DeviceState, State
from ingest.gateway.devices import KnownDevice, folder, write
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.report import Report
from ingest.gateway.spool import Spool
from ingest.gateway.stack import opened
from ingest.gateway.watch import RadioState
from ingest.mqtt import Broker, retained

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CUFF = KnownDevice(address="F0:00:00:00:00:01", model="beurer-bm85")


def test_a_status_says_how_the_box_is_and_nothing_of_a_patient():
    lost = DeviceState(CUFF, NOW, None, trouble=Cause.BOND_LOST)
    state = State("home-1", (lost,), 3, connected=True, radio=True)
    said = health.read(health.encode(state, clock_known=True, now=NOW))
    assert said is not None
    assert (said.state, said.clock, said.radio, said.waiting) == ("online", "synchronised", True, 3)
    assert [(one.model, one.trouble) for one in said.devices] == [("beurer-bm85", "bond_lost")]
    assert health.read(b"nonsense") is None


class HealthOf0(msgspec.Struct, frozen=True, kw_only=True):
    """The message as the first version of Balise read it, word for word."""

    class Device(msgspec.Struct, frozen=True, kw_only=True):
        address: str
        model: str
        heard_at: datetime | None
        told_at: datetime | None

    v: int = 1
    state: str = "online"
    version: str = ""
    clock: str = "unknown"
    radio: bool = False
    waiting: int = 0
    sent_at: datetime | None = None
    devices: tuple[Device, ...] = ()


BOX = health.Condition(
    started_at=NOW,
    connected_at=NOW,
    adapter=Adapter(state=RadioState.HUNG, name="hci0", address="00:11:22:33:44:55"),
    spool=health.SpoolHealth(waiting=3, oldest=NOW, share=0.25, bytes=10**6, let_go=7),
    certificate_until=NOW + timedelta(days=20),
    page_port=8730,
    disk_free=10**9,
    settings=health.Remote(state=health.RemoteState.APPLIED, version=3, own=("gateway_phone",)),
)


def test_an_older_server_reads_a_newer_box_and_the_other_way_round():
    device = DeviceState(CUFF, NOW, None, battery=55, battery_at=NOW, bonded=True)
    state = State("home-1", (device,), 3, connected=True, radio=True)
    payload = health.encode(state, clock_known=True, now=NOW, box=BOX)
    old = msgspec.json.decode(payload, type=HealthOf0)
    assert (old.v, old.waiting, old.devices[0].heard_at) == (1, 3, NOW)
    new = health.read(msgspec.json.encode(HealthOf0(waiting=2)))
    assert new is not None
    assert (new.waiting, new.box) == (2, None)
    whole = health.read(payload)
    assert whole is not None
    assert whole.box == BOX
    assert (whole.devices[0].battery, whole.devices[0].bonded) == (55, True)


def test_a_word_that_a_newer_box_has_for_its_adapter_is_read():
    said = health.read(b'{"box": {"adapter": {"state": "on_fire", "name": "hci1"}}}')
    assert said is not None
    assert said.box is not None
    assert said.box.adapter == Adapter(state=RadioState.UNKNOWN, name="hci1")


def test_a_status_holds_no_value_and_no_name():
    fields = {
        field.encode_name
        for struct in (health.Health, health.Condition, health.DeviceHealth, health.SpoolHealth)
        for field in msgspec.structs.fields(struct)
    }
    assert not fields & {"name", "patient", "subject", "value", "data", "phone", "values"}


class Stuck:
    """The adapters of a radio that does not answer."""

    async def here(self) -> dict[str, str]:
        await asyncio.sleep(60)
        return {}


async def test_a_radio_that_does_not_answer_is_said_to_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(box_module, "_LOOK_SECONDS", 0.05)
    write(tmp_path / "devices.json", [CUFF])
    box = Box("home-1", tmp_path / "devices.json", lambda _item: None)
    await box.look()
    assert box.state().adapter.state is RadioState.UNKNOWN
    box.take(cast("Kit", SimpleNamespace(adapters=Stuck())))
    await box.look()
    assert box.state().adapter.state is RadioState.HUNG


async def test_a_box_knows_its_adapter_and_its_bonds(tmp_path: Path, air: Air):
    write(tmp_path / "devices.json", [CUFF])
    box = Box("home-1", tmp_path / "devices.json", lambda _item: None)
    async with opened(air.radio, Desk()) as (kit, _lost):
        box.take(kit)
        await box.look()
        here = await kit.adapters.here()
    adapter = box.state().adapter
    assert {adapter.address: adapter.name} == dict(here)
    assert [one.bonded for one in box.state().devices] == [False]


@pytest.mark.stack
def test_a_box_that_goes_is_said_to_be_gone(stack: Stack, tmp_path: Path):
    name = f"box-{secrets.token_hex(3)}"
    where = stack.endpoints
    settings = Settings(home=tmp_path, mqtt_url=where.mqtt_url, **where.mqtt_files)
    gateway_settings(stack, settings, name)
    here = folder(tmp_path, name)
    write(here / "devices.json", [CUFF])
    listener = Broker(settings).client("watch", persistent=False)
    heard: list[str] = []

    def on_message(_client: object, _data: object, message: object) -> None:
        said = health.read(message.payload)  # type: ignore[attr-defined]
        heard.append(said.state if said else "?")

    listener.on_message = on_message
    listener.on_connect = lambda *_: listener.subscribe(health.topic(name), qos=1)
    target = Broker(settings)
    listener.connect(target.host, target.port)
    listener.loop_start()
    environment = {
        **os.environ,
        "BALISE_HOME": str(tmp_path),
        "BALISE_GATEWAY_NAME": name,
        "BALISE_GATEWAY_PORT": "0",
        "BALISE_BLE": "tcp-client:127.0.0.1:1",
    }
    command = [sys.executable, "-m", "balise", "gateway", "run"]
    try:
        box = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        until(lambda: heard[-1:] == ["online"])
        box.send_signal(signal.SIGTERM)
        box.wait(timeout=180)
        until(lambda: heard[-1:] == ["offline"])
        box = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        until(lambda: heard[-1:] == ["online"])
        box.kill()
        box.wait(timeout=180)
        until(lambda: heard[-1:] == ["offline"])  # its last will
        # What it said itself stays beside it, for who looks after the box.
        last = health.read(
            retained(target, [health.report_topic(name)], 10)[f"balise/v1/{name}/report"]
        )
        assert last is not None
        assert last.box is not None
        assert [one.model for one in last.devices] == ["beurer-bm85"]
        assert last.box.certificate_until is not None
        assert (last.box.page_port, last.box.settings) == (0, health.Remote())
    finally:
        listener.loop_stop()
        listener.disconnect()


def test_the_unit_lets_the_gateway_ask_whether_its_clock_is_right():
    """adjtimex is in systemd's @clock: forbidden, it would read as "no time server is followed"."""
    text = (Path(__file__).parents[3] / "ops/systemd/balise-gateway.service").read_text("utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line[1:])
    assert "adjtimex" in settings["SystemCallFilter"].split()
    assert "ProtectClock" not in settings
    assert settings["SystemCallErrorNumber"] == "EPERM"


async def test_systemd_hears_that_we_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        systemd.notify("READY=1")
        watching = asyncio.create_task(systemd.watch(lambda: True))
        await asyncio.sleep(0.35)
        watching.cancel()
        said = [manager.recv(100) for _ in range(3)]
    assert said == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


async def test_a_box_that_hangs_is_not_said_to_live(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    said: list[str] = []
    monkeypatch.setattr(systemd, "notify", said.append)
    watching = asyncio.create_task(systemd.watch(lambda: False))
    await asyncio.sleep(0.2)
    watching.cancel()
    assert said == []


def finding(part: str, **changes: Any) -> Finding:
    """Return what a part is found to be on a box that is otherwise well."""
    report = Report(
        gateway="home-1",
        running=True,
        said_at=NOW,
        clock="synchronised",
        epoch="",
        given=0,
        box=BOX,
        devices=(),
    )
    box = {key: value for key, value in changes.items() if hasattr(BOX, key)}
    others = {key: value for key, value in changes.items() if key not in box}
    report = msgspec.structs.replace(report, box=msgspec.structs.replace(BOX, **box), **others)
    settings = Settings(gateway_name="home-1")
    return asyncio.run(doctor._try(part, doctor.CHECKS[part], settings, report))


LOW = health.DeviceHealth(address="A", model="beurer-bm85", heard_at=NOW, told_at=NOW, battery=9)


@pytest.mark.parametrize(
    ("part", "changes", "remedy"),
    [
        ("process", {"running": False}, "systemctl start balise-gateway"),
        ("disk", {"disk_free": 10**6}, "delete something"),
        ("page", {"page_port": 1}, "BALISE_GATEWAY_PORT"),
        ("devices", {}, "balise gateway pair"),
        ("battery", {"devices": (LOW,)}, "put new batteries into beurer-bm85 (9 %)"),
        ("settings", {"settings": health.Remote(refused="of another box")}, "of another box"),
    ],
)
def test_each_part_that_is_not_well_has_one_thing_to_do(
    part: str, changes: dict[str, Any], remedy: str
):
    found = finding(part, **changes)
    assert not found.ok
    assert remedy in found.says


@pytest.mark.parametrize(
    ("part", "changes", "says"),
    [
        ("process", {}, "runs"),
        ("disk", {}, "1.0 GB are free"),
        ("certificate", {"certificate_until": None}, "name and password"),
        ("page", {"page_port": 0}, "not served"),
        ("devices", {"devices": (LOW,)}, "1 devices"),
        ("battery", {}, "0 of 0 devices"),
        ("settings", {}, "version 3 applied; set on the box itself, which wins: gateway_phone"),
    ],
)
def test_each_part_that_is_well_says_how(part: str, changes: dict[str, Any], says: str):
    found = finding(part, **changes)
    assert found.ok
    assert says in found.says


@pytest.mark.parametrize(
    ("age", "says"),
    [(1, "good until"), (25, "renewal_failed"), (31, "ended")],
)
async def test_a_certificate_that_is_not_renewed_is_told_in_time(
    tmp_path: Path, age: int, says: str
):
    site = Authority(tmp_path / "site")
    site.ensure(())
    here = folder(tmp_path, "home-1")
    here.mkdir(parents=True)
    made = site.admit(
        "home-1", certificates.new_key().public_key(), now=datetime.now(UTC) - timedelta(days=age)
    )
    (here / "certificate.pem").write_bytes(certificates.text(made))
    settings = Settings(home=tmp_path, gateway_name="home-1", gateway_port=0, mqtt_url="mqtt://x")
    found = report.look(settings, RemoteSettings(here, settings))
    one = await doctor._try("certificate", doctor.CHECKS["certificate"], settings, found)
    assert (one.ok, says in one.says) == (says == "good until", True)


async def test_the_doctor_says_what_to_do(tmp_path: Path):
    async with Air() as air:
        settings = Settings(
            home=tmp_path, gateway_name="home-1", ble=air.radio, mqtt_url="mqtt://127.0.0.1:1"
        )
        write(folder(tmp_path, "home-1") / "devices.json", [CUFF])
        Spool(folder(tmp_path, "home-1") / "spool.db").close()
        found = {one.part: one for one in await doctor.check(settings)}
    assert tuple(found) == tuple(doctor.CHECKS)
    assert found["radio"].ok
    assert "heard nothing" in found["radio"].says
    assert found["spool"].ok
    assert not found["process"].ok
    assert found["devices"].says == "1 devices"
    assert not found["broker"].ok
    assert "internet" in found["broker"].says


async def test_the_doctor_misses_the_adapter_of_a_bond(tmp_path: Path):
    async with Air(adapters=iter((bytes(range(6)), bytes(range(6))))) as air:
        settings = Settings(home=tmp_path, gateway_name="home-1", ble=air.radio)
        path = folder(tmp_path, "home-1") / "devices.json"
        write(path, [msgspec.structs.replace(CUFF, adapter="C0:98:E5:00:00:01")])
        assert "C0:98:E5:00:00:01" in (await radio_said(settings)).says
        strap = HeartRateStrap(address="F0:00:00:00:00:02", name="strap")
        await air.add(strap)
        write(path, [msgspec.structs.replace(CUFF, adapter="05:04:03:02:01:00")])
        found = await radio_said(settings)
        assert found.ok
        assert found.says.endswith("answers and hears")


async def radio_said(settings: Settings) -> Finding:
    remote = RemoteSettings(folder(settings.home, settings.gateway_name), settings)
    return await doctor._try("radio", doctor._radio, settings, report.look(settings, remote))
