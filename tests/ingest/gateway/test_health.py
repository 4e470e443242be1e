"""What a box says of itself: its status, its clock, its manager, its doctor."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from balise.settings import Settings
from balise.stack import Stack
from balise.up import gateway_settings
from devices.virtual.air import Air
from ingest.gateway import doctor, health, systemd
from ingest.gateway.box import DeviceState, State
from ingest.gateway.devices import KnownDevice, folder, write
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CUFF = KnownDevice(address="F0:00:00:00:00:01", model="beurer-bm85")


def test_a_status_says_how_the_box_is_and_nothing_of_a_patient():
    state = State("home-1", (DeviceState(CUFF, NOW, None),), 3, connected=True, radio=True)
    said = health.read(health.encode(state, clock_known=True, now=NOW))
    assert said is not None
    assert (said.state, said.clock, said.radio, said.waiting) == ("online", "synchronised", True, 3)
    assert [one.model for one in said.devices] == ["beurer-bm85"]
    assert health.read(b"nonsense") is None


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
        box.wait(timeout=20)
        until(lambda: heard[-1:] == ["offline"])
        box = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        until(lambda: heard[-1:] == ["online"])
        box.kill()
        box.wait(timeout=20)
        until(lambda: heard[-1:] == ["offline"])  # its last will
    finally:
        listener.loop_stop()
        listener.disconnect()


def until(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


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


async def test_the_doctor_says_what_to_do(tmp_path: Path):
    async with Air() as air:
        settings = Settings(
            home=tmp_path, gateway_name="home-1", ble=air.radio, mqtt_url="mqtt://127.0.0.1:1"
        )
        write(folder(tmp_path, "home-1") / "devices.json", [CUFF])
        Spool(folder(tmp_path, "home-1") / "spool.db").close()
        found = {one.part: one for one in await doctor.check(settings)}
    assert found["radio"].ok
    assert found["spool"].ok
    assert found["devices"].says == "1 devices"
    assert not found["broker"].ok
    assert "internet" in found["broker"].says
