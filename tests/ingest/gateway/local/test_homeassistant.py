"""What Home Assistant is told: how the gateway is, always; what is measured, only when asked."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
from referencing import Registry, Resource

from balise.metrics import METRICS
from devices.payloads.balise_v1 import Item, encode_item
from ingest.gateway import health
from ingest.gateway.box import DeviceState, State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.devices import KnownDevice
from ingest.gateway.local import homeassistant
from ingest.gateway.local.board import figures
from ingest.gateway.local.home import LocalHome
from ingest.gateway.local.homeassistant import KINDS, Figure, Place

from .conftest import Box, HomeBroker, Neighbour, until

TIMEKEEPER = Timekeeper(trusted=True)
VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "home_assistant"
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CUFF = KnownDevice(address="F0:00:00:00:00:01", name="Mme Martin", model="omron-x4-smart")
STATE = State("home-1", (DeviceState(CUFF, NOW, NOW),), 3, connected=True, radio=True)
# 124/86, mean 97, pulse 51, on 2024-06-15 at 17:17:27.
MEASURED = encode_item(
    Item(
        device=CUFF.address,
        captured_at=NOW,
        service="1810",
        characteristic="2A35",
        data="167c0056006100e807060f11111b33000000",
        model=CUFF.model,
    )
)


def schema(name: str) -> jsonschema.Draft202012Validator:
    every = {file.name: json.loads(file.read_text()) for file in VECTORS.glob("*.schema.json")}
    registry = Registry().with_resources(
        (key, Resource.from_contents(value)) for key, value in every.items()
    )
    return jsonschema.Draft202012Validator(every[name], registry=registry)


def said(language: str = "en") -> dict[str, bytes]:
    found = health.of(STATE, clock_known=True, now=NOW)
    return homeassistant.health(Place("home-1", language), found)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_description_of_a_gateway_is_as_home_assistant_asks(language: str):
    messages = said(language)
    device = json.loads(messages["homeassistant/device/balise-home-1/health/config"])
    schema("device_discovery.schema.json").validate(device)
    assert device["components"].keys() == {"server", "radio", "clock", "waiting", "version"}
    contact = messages["homeassistant/sensor/balise-home-1/f0_00_00_00_00_01-contact/config"]
    schema("sensor_discovery.schema.json").validate(json.loads(contact))


@pytest.mark.parametrize("metric", KINDS)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_description_of_a_reading_is_as_home_assistant_asks(metric: str, language: str):
    found = Figure(CUFF.address, CUFF.model, metric, Decimal("36.50"), NOW)
    config, state = homeassistant.figure(Place("home-1", language), found).items()
    described = json.loads(config[1])
    schema("sensor_discovery.schema.json").validate(described)
    assert state == (
        described["state_topic"],
        b'{"value": 36.50, "at": "2026-11-25T09:00:00+00:00"}',
    )


def test_units_are_those_of_the_metrics():
    ours = {"mm[Hg]": "mmHg", "Cel": "°C", "/min": "bpm"}
    for name, kind in KINDS.items():
        unit = METRICS[name].unit
        assert kind.unit in {unit, ours.get(unit)}


def test_topics_hold_only_what_home_assistant_lets_stand_there():
    part = re.compile(r"^[a-zA-Z0-9_-]+$")
    for topic in said():
        if topic.startswith("homeassistant/"):
            assert all(part.match(level) for level in topic.split("/")), topic
    assert homeassistant.slug("ZIGBEE/Chambre d'Été 0x0015") == "zigbee_chambre_d_t_0x0015"


def test_every_template_finds_its_member_of_the_state():
    """Jinja is what Home Assistant renders templates with."""
    messages = said()
    state = json.loads(messages["balise/home/home-1/state"])
    device = json.loads(messages["homeassistant/device/balise-home-1/health/config"])
    contact = json.loads(
        messages["homeassistant/sensor/balise-home-1/f0_00_00_00_00_01-contact/config"]
    )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    shown = {
        key: environment.from_string(one["value_template"]).render(value_json=state)
        for key, one in (device["components"] | {"contact": contact}).items()
    }
    assert shown == {
        "server": "ON",
        "radio": "ON",
        "clock": "OFF",
        "waiting": "3",
        "version": state["version"],
        "contact": "2026-11-25T09:00:00+00:00",
    }


def test_no_health_value_and_nobody_s_name_is_in_it():
    text = b" ".join(said().values()).decode()
    assert "Martin" not in text
    assert not [metric for metric in METRICS if metric in text]


def test_the_figures_of_a_frame_in_their_own_units():
    found = {one.metric: str(one.value) for one in figures(MEASURED)}
    assert found == {
        "systolic_blood_pressure": "124",
        "diastolic_blood_pressure": "86",
        "pulse_rate": "51",
    }


@pytest.mark.parametrize(
    "data",
    ["16ff07ff07ff07e80706170e230aff070000", "00500078005d00", "00ff7f78005d00", "zz"],
    ids=["no value", "impossible", "out of range", "unreadable"],
)
def test_what_is_no_reading_is_not_shown(data: str):
    item = Item(device="x", service="1810", characteristic="2A35", data=data)
    assert not [one for one in figures(encode_item(item)) if "pressure" in one.metric]


@contextmanager
def living(box: Box, state: State = STATE, *, readings: bool = False) -> Iterator[LocalHome]:
    settings = box.settings.model_copy(update={"local_readings": readings})
    home = LocalHome(settings, box.folder, lambda: state, TIMEKEEPER)
    home.start()
    try:
        assert home._bridge is not None
        bridge = home._bridge
        until(lambda: bridge.ready)
        yield home
    finally:
        home.stop()


def test_a_gateway_is_there_and_gone(box: Box, broker: HomeBroker, neighbour: Neighbour):
    neighbour.listens("balise/home/home-1/availability")

    def next_word() -> Any:
        return neighbour.heard.get(timeout=30)[1]

    with living(box):
        assert next_word() == b"online"
        broker.stop(signal.SIGKILL)
        broker.start()
        assert next_word() == b"online"
    assert next_word() == b"offline"
    kept = neighbour.retained("homeassistant/#")
    assert set(kept) == {
        "homeassistant/device/balise-home-1/health/config",
        "homeassistant/sensor/balise-home-1/f0_00_00_00_00_01-contact/config",
    }


def test_readings_are_shown_only_when_asked_for_and_taken_back_when_not(
    box: Box, neighbour: Neighbour
):
    with living(box) as home:
        home.take(MEASURED)
    assert neighbour.retained("balise/home/home-1/readings/#") == {}

    where = "balise/home/home-1/readings/f0_00_00_00_00_01"
    with living(box, readings=True) as home:
        home.take(MEASURED)
        until(lambda: len(neighbour.retained(f"{where}/#", 0.1)) == 3)
    kept = neighbour.retained(f"{where}/#")
    assert json.loads(kept[f"{where}/systolic_blood_pressure"])["value"] == 124
    assert len(neighbour.retained("homeassistant/#")) == 5
    # A restart does not take away what is still asked for.
    with living(box, readings=True):
        until(lambda: len(neighbour.retained(f"{where}/#")) == 3)

    other = "homeassistant/sensor/balise-home-2/f0_00_00_00_00_01-pulse_rate/config"
    neighbour.says(other, "{}", retain=True)
    with living(box):
        until(lambda: not neighbour.retained("balise/home/home-1/readings/#", 0.1))
        until(lambda: len(neighbour.retained("homeassistant/#", 0.1)) == 3)
    assert other in neighbour.retained("homeassistant/#")


def test_the_rules_of_the_page_are_enough(new_broker: Any, tmp_path: Path):
    """docs/gateway.md says which topics the gateway's user needs at a broker that has rules."""
    broker = new_broker(
        "topic readwrite balise/home/home-1/#\n"
        "topic readwrite homeassistant/+/balise-home-1/+/config\n"
        "topic read tele/pack\n"
    )
    box = Box(tmp_path / "strict", broker.url)
    box.declare('[[device]]\naddress = "pack"\ntopic = "tele/pack"\nconvention = "senml"\n')
    with living(box, readings=True) as home:
        home.take(MEASURED)
        one = broker.client()
        until(lambda: len(one.retained("balise/home/home-1/#", 0.1)) == 5)
        assert home.health().local == "connected"
        one.leave()


def test_a_device_that_is_gone_is_taken_away(box: Box, neighbour: Neighbour):
    with living(box):
        until(lambda: len(neighbour.retained("homeassistant/#", 0.1)) == 2)
    with living(box, State("home-1", (), 0, connected=True, radio=True)):
        until(lambda: len(neighbour.retained("homeassistant/#", 0.1)) == 1)
