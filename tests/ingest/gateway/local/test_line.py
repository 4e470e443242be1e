"""From a broker at home to the database: what is refused, and kill -9 between delivery and ack."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from balise.model import Quality
from balise.settings import Settings
from bench.line import Line, running
from flows import steps
from ingest.gateway import devices
from ingest.gateway.box import State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.local.declared import NAME
from ingest.gateway.local.home import LocalHome
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker
from sql import mappings

from .conftest import HomeBroker, until

TIMEKEEPER = Timekeeper(trusted=True)
pytestmark = pytest.mark.stack

ROUNDS = 30
SCALE = "A4:C1:38:0A:0B:0C"
CUFF = """
name = "esp_cuff"
title = "A cuff behind an ESP32"
source = "made up"
time = { path = "at", format = "iso" }
[[value]]
metric = "systolic_blood_pressure"
path = "sys"
unit = "mm[Hg]"
[[value]]
metric = "diastolic_blood_pressure"
path = "dia"
unit = "mm[Hg]"
[[sample]]
document = '{"at": "2026-02-01T07:30:00+01:00", "sys": 128, "dia": 82}'
expect = { systolic_blood_pressure = "128 mm[Hg]", diastolic_blood_pressure = "82 mm[Hg]" }
"""
DECLARED = f"""
[[device]]
preset = "theengs"
address = "{SCALE}"

[[device]]
preset = "zigbee2mqtt"
address = "zigbee/bedroom"
id = "bedroom"

[[device]]
preset = "esphome"
address = "esp-thermometer"
id = "esp/sensor/fever"
metric = "body_temperature"
unit = "Cel"

[[device]]
address = "cuff"
topic = "ward/cuff"
mapping = "cuff.toml"
"""

STEPS = '[[device]]\naddress = "steps"\ntopic = "steps"\nmetric = "step_count"\nunit = "count"\n'


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=False) as started:
        yield started


def settings_of(line: Line, home: str, broker: HomeBroker, declared: str) -> Settings:
    here = devices.folder(line.settings.home, home)
    (here / NAME).write_text(declared)
    return line.of_gateway(home).model_copy(update={"local_mqtt_url": broker.url})


@contextmanager
def gateway(settings: Settings) -> Iterator[LocalHome]:
    """Let a gateway live without its radio: the bridge before the spool, the publisher behind."""
    here = devices.folder(settings.home, settings.gateway_name)
    publisher = Publisher(Broker(settings), settings.gateway_name, here / "spool.db", 2)
    state = State(settings.gateway_name, (), 0, connected=True, radio=False)
    home = LocalHome(settings, here, lambda: state, TIMEKEEPER, publisher.wake)
    publisher.start()
    home.start()
    try:
        until(lambda: home._bridge is not None and home._bridge.ready)
        yield home
    finally:
        home.stop()
        publisher.stop()


def landed(line: Line, home: str, items: int) -> None:
    """Wait until the server holds so many items, and read them."""
    with closing(Spool(devices.folder(line.settings.home, home) / "spool.db")) as spool:
        until(lambda: spool.given() == items and not spool.depth(), 60)
    steps.run_line(line.settings.database_url)


def rows(line: Line, query: str, home: str) -> list[Any]:
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        return database.execute(query.encode(), (home,)).fetchall()


READINGS = """
SELECT series.metric, reading.value::text, reading.quality
FROM reading JOIN series ON series.id = reading.series JOIN subject ON subject.id = subject
WHERE subject.code = %s ORDER BY 1, reading.value
"""
REFUSED = """
SELECT refused.reason FROM refused JOIN landing ON landing.id = refused.landing
WHERE landing.gateway = %s ORDER BY 1
"""


def test_what_programs_at_home_say_becomes_readings_or_is_refused_with_a_reason(
    line: Line, broker: HomeBroker
):
    home = "home-mqtt"
    addresses = (SCALE, "ZIGBEE/BEDROOM", "ESP-THERMOMETER", "CUFF")
    line.enrol(home, dict.fromkeys(addresses, ""))
    (devices.folder(line.settings.home, home) / "cuff.toml").write_text(CUFF)
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        mappings.keep(database, "esp_cuff", CUFF)
    settings = settings_of(line, home, broker, DECLARED)
    scale = "home/gw/BTtoMQTT/A4C1380A0B0C"
    good = {"model_id": "XMTZC02HM/XMTZC05HM", "unit": "kg", "weight": 72.45}
    seen = "2026-11-20T07:30:00.000Z"
    said: list[tuple[str, str | bytes]] = [
        (scale, json.dumps(good)),
        (scale, json.dumps(good | {"rssi": -70})),
        (scale, json.dumps(good | {"unit": "jin"})),
        (scale, json.dumps(good | {"weighing_mode": "object"})),
        (scale, b"\xff\xfe"),
        (scale, "{"),
        ("zigbee2mqtt/bedroom", f'{{"last_seen":"{seen}","temperature":19.5}}'),
        ("zigbee2mqtt/bedroom", '{"temperature":19.5}'),
        ("esp/sensor/fever/state", "38.25"),
        ("esp/sensor/fever/state", "nan"),
        ("ward/cuff", '{"at":"2026-11-20T08:00:00+01:00","sys":128,"dia":82}'),
        ("ward/cuff", '{"at":"2026-11-20T08:00:00+01:00","sys":82,"dia":128}'),
    ]
    one = broker.client()
    # What stands retained from before: one says when it was, of the other nobody knows.
    dated = '{"at":"2026-11-19T08:00:00+01:00","sys":131,"dia":80}'
    one.says("ward/cuff", dated, retain=True)
    one.says("esp/sensor/fever/state", "37.00", retain=True)
    with gateway(settings):
        for topic, payload in said:
            one.says(topic, payload)
        landed(line, home, len(said) - 1 + 2)
    one.leave()
    found = [(metric, value) for metric, value, _ in rows(line, READINGS, home)]
    assert found == [
        ("ambient_temperature", "19.5"),
        ("body_temperature", "38.25"),
        ("body_weight", "72.45"),
        ("diastolic_blood_pressure", "80"),
        ("diastolic_blood_pressure", "82"),
        ("systolic_blood_pressure", "128"),
        ("systolic_blood_pressure", "131"),
    ]
    assert [reason for (reason,) in rows(line, REFUSED, home)] == sorted(
        (
            "unit_unknown",
            "no_reading",  # a suitcase
            "payload_unreadable",
            "payload_unreadable",
            "time_unknown",  # no last_seen
            "payload_invalid",  # not a number
            "value_impossible",  # systolic below diastolic
            "time_unknown",  # retained, and no time
        )
    )


def test_the_gateway_s_process_bridges_without_its_radio_and_says_how_its_broker_is(
    line: Line, broker: HomeBroker
):
    home = "home-mqtt-box"
    line.enrol(home, {"STEPS": ""})
    settings_of(line, home, broker, STEPS)
    line.fleet.add(
        home,
        "gateway",
        "run",
        BALISE_GATEWAY_NAME=home,
        BALISE_BLE="tcp-client:127.0.0.1:1",
        BALISE_GATEWAY_PORT="0",
        BALISE_LOCAL_MQTT_URL=broker.url,
    )
    one = broker.client()
    one.listens(f"balise/home/{home}/state")
    state = json.loads(one.heard.get(timeout=30)[1])
    assert (state["radio"], state["contacts"]) == ("OFF", {"steps": None})
    one.says("steps", "1")
    one.listens(f"balise/home/{home}/availability")
    assert one.heard.get(timeout=30)[1] == b"online"
    line.fleet.kill(home)
    assert one.heard.get(timeout=30)[1] == b"offline"  # its last will
    one.says("steps", "2")
    until(line.fleet.keep_running)
    landed(line, home, 2)
    one.leave()
    assert [value for _, value, _ in rows(line, READINGS, home)] == ["1", "2"]
    late = [quality for _, _, quality in rows(line, READINGS, home)]
    assert late[1] & Quality.TIME_OF_RECEIPT.value
    text = (line.fleet.logs / f"{home}.log").read_text()
    assert "Traceback" not in text
    line.fleet.kill(home)
    del line.fleet.members[home]


# Forked from a parent that has everything imported; every acknowledgement is late, so that a kill
# mostly falls between the commit and it. It says each message that it knows again.
CHILD = """
import json, os, random, sys, time
from pathlib import Path
from balise.settings import Settings
from ingest.gateway import devices
from ingest.gateway.box import State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.local.home import LocalHome
from ingest.gateway.local.link import Link
from ingest.gateway.local.told import Told
from ingest.gateway.publish import Publisher
from ingest.mqtt import Broker

settings = Settings(**json.loads(sys.stdin.readline()))
here = devices.folder(settings.home, settings.gateway_name)
acknowledge, redelivered = Link.acknowledge, Told.redelivered

def late(self, arrived):
    time.sleep(random.uniform(0, 0.02))
    acknowledge(self, arrived)

def again(self, item):
    found = redelivered(self, item)
    if found:
        os.write(1, b"again\\n")
    return found

Link.acknowledge, Told.redelivered = late, again

def live():
    publisher = Publisher(Broker(settings), settings.gateway_name, here / "spool.db", 2)
    state = State(settings.gateway_name, (), 0, connected=True, radio=False)
    LocalHome(settings, here, lambda: state, Timekeeper(trusted=True), publisher.wake).start()
    publisher.start()
    time.sleep(3600)

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        live()
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def test_kills_between_delivery_and_acknowledgement_lose_nothing_and_double_nothing(
    line: Line, broker: HomeBroker
):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    home = "home-mqtt-kills"
    line.enrol(home, {"COUNTER": ""})
    settings = settings_of(line, home, broker, STEPS.replace('"steps"', '"counter"', 1))
    with gateway(settings):  # the broker keeps for those whom it knows
        pass
    again, given = killed(settings, broker, random.Random(seed))  # noqa: S311
    with gateway(settings):
        landed(line, home, given)
    values = [int(value) for _, value, _ in rows(line, READINGS, home)]
    assert values == list(range(1, given + 1))
    assert rows(line, REFUSED, home) == []
    print(f"{ROUNDS} kills, {given} messages, {again} delivered again")  # noqa: T201
    assert again


def killed(settings: Settings, broker: HomeBroker, chance: random.Random) -> tuple[int, int]:
    """Let lives end at random moments while a device counts; return what came again, and all."""
    stopped = threading.Event()
    counting = Counting(broker, stopped)
    again = 0
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(settings.model_dump_json() + "\n")
        counting.start()
        for _ in range(ROUNDS):
            parent.stdin.write("live\n")
            parent.stdin.flush()
            pid = 0
            while not pid:
                word = parent.stdout.readline().split()
                pid = int(word[1]) if word[0] == "pid" else 0
            time.sleep(chance.uniform(0.1, 0.6))
            os.kill(pid, signal.SIGKILL)
            again += sum(word == "again\n" for word in iter(parent.stdout.readline, "dead\n"))
        parent.stdin.close()
    stopped.set()
    counting.join()
    return again, counting.given


class Counting(threading.Thread):
    """A device that says a number after another, each once and at QoS 1."""

    def __init__(self, broker: HomeBroker, stopped: threading.Event) -> None:
        super().__init__(daemon=True)
        self._neighbour, self._stopped = broker.client("steps"), stopped
        self.given = 0

    def run(self) -> None:
        while not self._stopped.is_set():
            self._neighbour.says("steps", str(self.given + 1))
            self.given += 1
            time.sleep(0.005)
        self._neighbour.leave()
