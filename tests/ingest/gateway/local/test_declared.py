"""`local.toml`: what can be declared, and what is said of what can't."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from balise.errors import UsageError
from devices.payloads import CONVENTIONS
from ingest.gateway.local import declared, topics
from ingest.gateway.local.presets import PRESETS

MAPPING = """
name = "esp_scale"
title = "A scale"
source = "made up"
time = { format = "capture" }
[[value]]
metric = "body_weight"
path = "w"
unit = "kg"
[[sample]]
document = '{"w": 72.4}'
expect = { body_weight = "72.4 kg" }
"""


def read(folder: Path, text: str) -> tuple[declared.Source, ...]:
    (folder / "scale.toml").write_text(MAPPING)
    (folder / "wrong.toml").write_text(MAPPING.replace("72.4 kg", "72.5 kg"))
    (folder / "rows.toml").write_text(MAPPING + "[csv]\n")
    path = folder / declared.NAME
    path.write_text(text)
    return declared.read(path)


def device(**keys: str) -> str:
    return "[[device]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def test_every_preset_names_what_the_server_reads():
    for name, one in PRESETS.items():
        assert name == one.name
        assert one.source
        assert not one.convention or one.convention in CONVENTIONS
        assert not topics.fault(one.topic.replace("{id}", "x"))


def test_a_device_by_preset_by_convention_by_mapping_and_as_a_bare_number(tmp_path: Path):
    found = read(
        tmp_path,
        device(preset="theengs", address="a4:c1:38:0a:0b:0c")
        + device(preset="zigbee2mqtt", address="z", id="upstairs/bedroom")
        + device(address="s", topic="tele/pack", convention="senml")
        + device(address="m", topic="esp/scale", mapping="scale.toml")
        + device(preset="esphome", address="n", id="esp/sensor/w", metric="body_weight", unit="kg"),
    )
    assert [(one.address, one.topic, one.convention) for one in found] == [
        ("A4:C1:38:0A:0B:0C", "home/+/BTtoMQTT/A4C1380A0B0C", "theengs"),
        ("Z", "zigbee2mqtt/upstairs/bedroom", "zigbee2mqtt"),
        ("S", "tele/pack", "senml"),
        ("M", "esp/scale", "esp_scale"),
        ("N", "esp/sensor/w/state", "senml"),
    ]
    assert [one.repeats is not None for one in found] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no [[device]]"),
        ("[[device]\n", "local.toml: "),
        (device(address="x", tpoic="a"), "unknown field `tpoic`"),
        (device(preset="theengs"), "missing required field `address`"),
        (device(address=" ", topic="a", convention="senml"), "address is missing"),
        (device(address="x", preset="thengs"), "there are theengs, zigbee2mqtt, esphome"),
        (device(address="x", convention="senml"), "give a preset, or a topic"),
        (device(address="x", preset="zigbee2mqtt"), "id is missing"),
        (device(address="x", preset="zigbee2mqtt", id="+"), "holds no +"),
        (device(address="x", topic="a/#", convention="senml"), "everything below"),
        (device(address="x", topic="a+/b", convention="senml"), "not a whole level"),
        (device(address="x", topic="$SYS/a", convention="senml"), "brokers speak"),
        (device(address="x", topic="balise/a", convention="senml"), "Balise itself"),
        (device(address="x", topic="a"), "one of convention, mapping, or metric"),
        (device(address="x", topic="a", convention="morse"), "no convention 'morse'; known: "),
        (
            device(address="x", topic="a", convention="senml", mapping="scale.toml"),
            "one of convention, mapping, or metric",
        ),
        (device(address="x", topic="a", mapping="none.toml"), "can't be read"),
        (device(address="x", topic="a", mapping="wrong.toml"), "sample 1: gives"),
        (device(address="x", topic="a", mapping="rows.toml"), "rows of a table"),
        (device(address="x", topic="a", metric="weight", unit="kg"), "no metric 'weight'"),
        (
            device(address="x", topic="a", metric="body_weight", unit="Cel"),
            "body_weight is not in Cel, but in one of kg, g",
        ),
        (device(address="x", topic="a", metric="body_weight"), "not in no unit"),
        (device(address="x", topic="a", convention="senml", field="id"), "the value of id"),
        (
            device(address="x", topic="a", convention="senml")
            + device(address="y", topic="a", convention="senml"),
            "tell them apart by a field",
        ),
        (
            device(address="x", topic="a/+", convention="senml")
            + device(address="y", topic="+/b", convention="senml"),
            "can be one topic",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path, text: str, problem: str):
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert problem in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path):
    with pytest.raises(UsageError) as refused:
        read(tmp_path, device(address="x", topic="#") + device(address="y", preset="none"))
    assert "device 1 (x): topic" in str(refused.value)
    assert "device 2 (y): no preset" in str(refused.value)


def test_a_file_that_is_not_there_says_what_to_write(tmp_path: Path):
    with pytest.raises(UsageError, match="is missing; write"):
        declared.read(tmp_path / declared.NAME)


def test_on_a_box_without_jmespath_the_form_of_a_mapping_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(declared, "find_spec", lambda _name: None)
    assert read(tmp_path, device(address="x", topic="a", mapping="wrong.toml"))
    (tmp_path / "wrong.toml").write_text("name = 1")
    with pytest.raises(UsageError, match="Expected `str`, got `int`"):
        declared.read(tmp_path / declared.NAME)


LEVELS = st.lists(st.sampled_from(["a", "b", "", "+"]), min_size=1, max_size=4)


@given(topic=LEVELS, one=LEVELS, other=LEVELS)
def test_filters_match_and_overlap_as_another_library_says(
    topic: list[str], one: list[str], other: list[str]
):
    name = "/".join(topic).replace("+", "c")
    first, second = "/".join(one), "/".join(other)
    assert topics.matches(name, first) == topic_matches_sub(first, name)
    if topics.matches(name, first) and topics.matches(name, second):
        assert topics.overlap(first, second)
