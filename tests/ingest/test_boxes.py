"""All gateways as the server sees them: read in one go, who needs care first."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from balise.authority import Authority
from balise.errors import BrokerDown
from balise.settings import Settings
from balise.stack import Stack
from balise.stack.ports import free
from ingest import boxes
from ingest.boxes import Box, Presence
from ingest.gateway import health
from ingest.gateway.adapter import Adapter
from ingest.gateway.health import Condition, DeviceHealth, Health, Remote, SpoolHealth
from ingest.gateway.watch import RadioState
from ingest.mqtt import Broker, listening
from sql import people

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def status(state: str = "online", clock: str = "synchronised", **more: Any) -> bytes:
    """Return a status; what is said of the box goes into its condition."""
    own = {key: more.pop(key) for key in ("waiting", "devices") if key in more}
    said = Health(state=state, clock=clock, sent_at=NOW, box=Condition(**more), **own)
    return msgspec.json.encode(said)


def seen(name: str, online: bytes, last: bytes | None = None) -> dict[str, bytes]:
    return {health.topic(name): online, health.report_topic(name): last or online}


LOW = DeviceHealth(address="A", model="beurer-bm85", heard_at=NOW, told_at=NOW, battery=9)
OFF = health.LAST_WILL
FLEET: tuple[tuple[str, Mapping[str, bytes], str], ...] = (
    ("most-data", seen("most-data", OFF, status(waiting=900)), "offline with 900 items"),
    ("some-data", seen("some-data", OFF, status(waiting=5)), "offline with 5 items"),
    ("gone", seen("gone", OFF, status()), "offline: is it plugged in"),
    ("gone-old", {health.topic("gone-old"): OFF}, "offline: is it plugged in"),
    ("full", seen("full", status(spool=SpoolHealth(share=0.95))), "95% full"),
    (
        "stuck",
        seen("stuck", status(spool=SpoolHealth(waiting=4, oldest=NOW - 2 * HOUR))),
        "4 items wait although it is online",
    ),
    ("deaf", seen("deaf", status(adapter=Adapter(state=RadioState.HUNG))), "is hung"),
    ("ends", seen("ends", status(certificate_until=NOW + 24 * HOUR)), "ends 2026-11-26"),
    ("never", {}, "never spoke"),
    ("no-room", seen("no-room", status(disk_free=10)), "disk is full"),
    ("adrift", seen("adrift", status(clock="unsynchronised")), "timedatectl"),
    ("stubborn", seen("stubborn", status(settings=Remote(refused="forged"))), "refused: forged"),
    ("tired", seen("tired", status(devices=(LOW,))), "new batteries: beurer-bm85 9 %"),
    ("well", seen("well", status(spool=SpoolHealth(waiting=1, oldest=NOW))), ""),
    ("lost", seen("lost", OFF, status(waiting=9)), ""),
)
"""In the order in which they are listed; the last one is shut out."""


def test_who_needs_care_first_is_listed_first_with_one_reason():
    said = {topic: payload for _, messages, _ in FLEET for topic, payload in messages.items()}
    known = {name: NOW for name, _, _ in reversed(FLEET)}
    found = boxes.in_order(boxes.boxes(said, known, {"lost"}), NOW)
    assert [box.name for box, _ in found] == [name for name, _, _ in FLEET]
    for (_, _, expected), (_, needs) in zip(FLEET, found, strict=True):
        assert needs.startswith(expected) or (expected and expected in needs)
        assert bool(needs) == bool(expected)


def test_presence_and_since_when():
    def box(name: str, said: Mapping[str, bytes]) -> Box:
        [found] = boxes.boxes(said, {name: None}, set())
        return found

    there = box("a", seen("a", status(connected_at=NOW - HOUR)))
    assert (there.presence, there.since) == (Presence.ONLINE, NOW - HOUR)
    gone = box("a", seen("a", OFF, status(connected_at=NOW - HOUR)))
    assert (gone.presence, gone.since) == (Presence.OFFLINE, NOW)  # it said something then
    never = box("a", {})
    assert (never.presence, never.since, never.waiting) == (Presence.NEVER, None, 0)
    noise = box("a", {health.topic("a"): b"\xff"})
    assert noise.presence is Presence.NEVER


@pytest.fixture
def server(stack: Stack, database_url: str) -> Settings:
    where = stack.endpoints
    home = stack.authority.file.parent.parent
    files = where.mqtt_files
    return Settings(home=home, database_url=database_url, mqtt_url=where.mqtt_url, **files)


@contextmanager
def fleet(server: Settings, messages: Mapping[str, bytes]) -> Iterator[None]:
    """Have these messages stand at the broker while the block runs."""

    def publish(said: Mapping[str, bytes]) -> None:
        with listening(Broker(server), ["balise/nothing"], lambda *_: None, 10) as client:
            told = [client.publish(one, what, qos=1, retain=True) for one, what in said.items()]
            for one in told:
                one.wait_for_publish(timeout=20)

    publish(messages)
    try:
        yield
    finally:
        publish(dict.fromkeys(messages, b""))


@pytest.mark.stack
def test_500_gateways_in_less_than_two_seconds(server: Settings):
    mark = secrets.token_hex(3)
    devices = tuple(msgspec.structs.replace(LOW, address=f"AA:{n}") for n in range(5))
    last = status(waiting=3, devices=devices, spool=SpoolHealth(waiting=3, oldest=NOW))
    messages: dict[str, bytes] = {}
    for number in range(500):
        messages |= seen(f"{mark}-{number}", OFF if number % 5 else last, last)
    with fleet(server, messages):
        began = time.monotonic()
        found = boxes.in_order(boxes.boxes(boxes.look(Broker(server)), {}, set()), NOW)
        took = time.monotonic() - began
    ours = [box for box, _ in found if box.name.startswith(mark)]
    print(f"500 gateways read in {took:.2f} s")  # noqa: T201
    assert len(ours) == 500
    assert all(box.waiting == 3 for box in ours)
    assert sum(box.presence is Presence.OFFLINE for box in ours) == 400


@pytest.mark.stack
def test_the_command_lists_what_broker_and_database_know(server: Settings, tmp_path: Path):
    mark = secrets.token_hex(3)
    lost, hostile, unheard = (f"{mark}-{what}" for what in ("lost", "hostile", "unheard"))
    site = Authority(server.home)
    with psycopg.connect(server.database_url, autocommit=True) as database:
        for name in (unheard, "import"):
            people.add_gateway(database, name)
    site.admit(lost, site.signer.key.public_key())
    site.revoke(lost)
    bad = status(settings=Remote(refused="\x1b[31mred[bold]"))
    with fleet(server, {**seen(lost, OFF, status()), **seen(hostile, bad)}):
        as_json = command(server, "list", "--json")
        table = command(server, "list")
    rows = [json.loads(line) for line in as_json.stdout.splitlines()]
    ours = {row["name"]: row for row in rows if row["name"].startswith(mark)}
    assert [row["presence"] for row in ours.values()] == ["never spoke", "online", "shut out"]
    assert ours[unheard]["needs"].startswith("never spoke")
    assert ours[hostile]["said"]["sent_at"] == "2026-11-25T12:00:00Z"
    assert "import" not in {row["name"] for row in rows}
    assert "\x1b[31mred" not in table.stdout
    assert "[bold]" in table.stdout


def command(server: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    fields = ("home", "database_url", "mqtt_url", "mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")
    own = {f"BALISE_{name.upper()}": str(getattr(server, name)) for name in fields}
    return subprocess.run(
        [sys.executable, "-m", "balise", "gateway", *arguments],
        env=os.environ | own | {"COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_a_broker_that_is_not_there_is_said_so():
    nowhere = Settings(mqtt_url=f"mqtt://127.0.0.1:{free()}")
    with pytest.raises(BrokerDown):
        boxes.look(Broker(nowhere), seconds=0.5)
