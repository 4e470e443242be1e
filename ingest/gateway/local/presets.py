"""What is known of programs that publish measurements at home, as data: topic and convention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How one measurement is said again and again: equal but for some keys, in quick succession."""

    within: timedelta
    besides: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A program: `{id}` in its topic is the device's name there; without convention, a number.

    `id_of_address` says that the name is the Bluetooth address without its colons.
    """

    name: str
    topic: str
    convention: str = ""
    id_of_address: bool = False
    repeats: Repeats | None = None
    source: str


PRESETS: dict[str, Preset] = {
    one.name: one
    for one in (
        Preset(
            name="theengs",
            topic="home/+/BTtoMQTT/{id}",
            convention="theengs",
            id_of_address=True,
            # A scale advertises its last weight for as long as it is awake. The decoder adds
            # nothing that changes; the gateway adds how the signal was, the scale its battery.
            repeats=Repeats(
                within=timedelta(minutes=2),
                besides=frozenset(("rssi", "txpower", "distance", "batt", "volt")),
            ),
            source="github.com/theengs/gateway, docs/use/use.md; OpenMQTTGateway does the same",
        ),
        Preset(
            name="zigbee2mqtt",
            topic="zigbee2mqtt/{id}",
            convention="zigbee2mqtt",
            source="zigbee2mqtt.io, MQTT topics and messages",
        ),
        Preset(
            name="esphome",
            topic="{id}/state",
            source="github.com/esphome/esphome, esphome/components/mqtt/mqtt_component.cpp",
        ),
    )
}
"""Every preset by its name; the registry test walks it."""
