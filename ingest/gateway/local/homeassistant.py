"""What Home Assistant is told of a gateway, by MQTT discovery; pure.

Source: home-assistant.io, integrations/mqtt, «MQTT Discovery» (device and single component
payloads), and `homeassistant/components/mqtt/schemas.py`. Everything is retained, so that Home
Assistant finds it after a restart of its own; an empty message takes it away again.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from devices import models
from ingest.gateway.health import ONLINE, DeviceHealth, Health

Messages = dict[str, bytes]
"""Topic → retained payload."""

_OTHER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """How Home Assistant knows a metric: its unit there, and a device class where there is one."""

    unit: str
    device_class: str | None = None


KINDS: dict[str, Kind] = {
    "systolic_blood_pressure": Kind("mmHg", "pressure"),
    "diastolic_blood_pressure": Kind("mmHg", "pressure"),
    "pulse_rate": Kind("bpm"),
    "heart_rate": Kind("bpm"),
    "respiratory_rate": Kind("/min"),
    "body_temperature": Kind("°C", "temperature"),
    "oxygen_saturation": Kind("%"),
    "body_weight": Kind("kg", "weight"),
    "body_fat_percentage": Kind("%"),
    "blood_glucose": Kind("mg/dL", "blood_glucose_concentration"),
    "interstitial_glucose": Kind("mg/dL", "blood_glucose_concentration"),
}
"""Metrics that are shown, in their canonical units, as Home Assistant writes those."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value in its metric's canonical unit; `at` where its moment is known."""

    address: str
    model: str
    metric: str
    value: Decimal
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway speaks on the broker at home, and in which language."""

    gateway: str
    language: str

    @property
    def root(self) -> str:
        """Return what its own topics begin with."""
        return f"balise/home/{self.gateway}"

    @property
    def node(self) -> str:
        """Return its name in Home Assistant's topics."""
        return f"balise-{self.gateway}"

    @property
    def availability(self) -> str:
        """Return where it says that it is there, and its last will that it is not."""
        return f"{self.root}/availability"

    def config(self, component: str, thing: str) -> str:
        """Return where the description of a thing stands."""
        return f"homeassistant/{component}/{self.node}/{thing}/config"

    def reading(self, slug: str, metric: str) -> str:
        """Return where the last value of a device's metric stands."""
        return f"{self.root}/readings/{slug}/{metric}"


def slug(address: str) -> str:
    """Return an address as Home Assistant lets it stand in a topic."""
    return _OTHER.sub("_", address.lower()).strip("_")


def health(place: Place, said: Health) -> Messages:
    """Return how the gateway is, with the description of it: no health value is in it."""
    described = {
        **_shared(place),
        "state_topic": f"{place.root}/state",
        "components": dict(_components(place)),
    }
    contacts = {slug(one.address): one.told_at for one in said.devices}
    state = {
        "server": _on(said.connected),
        "radio": _on(said.radio),
        "clock": _on(said.clock != "synchronised"),
        "waiting": said.waiting,
        "version": said.version,
        "contacts": {key: at.isoformat() if at else None for key, at in contacts.items()},
    }
    return {
        place.config("device", "health"): _json(described),
        **{
            place.config("sensor", f"{slug(one.address)}-contact"): _contact(place, one)
            for one in said.devices
        },
        f"{place.root}/state": _json(state),
        place.availability: ONLINE.encode(),
    }


def figure(place: Place, found: Figure) -> Messages:
    """Return one value with the description of it."""
    where = place.reading(slug(found.address), found.metric)
    name = f"{slug(found.address)}-{found.metric}"
    kind = KINDS[found.metric]
    described: dict[str, Any] = {
        **_shared(place),
        "name": _words(place.language)["reading"][found.metric],
        "unique_id": f"{place.node}-{name}",
        "state_topic": where,
        "value_template": "{{ value_json.value }}",
        "json_attributes_topic": where,
        "unit_of_measurement": kind.unit,
        "state_class": "measurement",
        "device": {
            "identifiers": [f"{place.node}-{slug(found.address)}"],
            "name": title(found.model, found.address),
            "via_device": place.node,
        },
    }
    if kind.device_class:
        described["device_class"] = kind.device_class
    at = found.at.isoformat() if found.at else None
    value = f'{{"value": {found.value:f}, "at": {json.dumps(at)}}}'
    return {place.config("sensor", name): _json(described), where: value.encode()}


def wanted(place: Place, topic: str, known: frozenset[str], *, readings: bool) -> bool:
    """Whether what stands retained on a topic of ours is still true of these devices' slugs."""
    if topic == place.config("device", "health"):
        return True
    if topic.startswith(f"{place.root}/readings/"):
        return readings and topic.split("/")[4] in known
    thing, _, what = topic.split("/")[3].partition("-")
    is_sensor = topic == place.config("sensor", f"{thing}-{what}")
    return is_sensor and thing in known and (what == "contact" or (readings and what in KINDS))


def leftovers(place: Place) -> tuple[str, ...]:
    """Return the filters under which something of ours may stand that is true no more."""
    return f"homeassistant/+/{place.node}/+/config", f"{place.root}/readings/+/+"


def title(model: str, address: str) -> str:
    """Return what a device is called: its maker's name for it, never a person's."""
    known = models.known(model)
    return f"{known.maker} {known.name}" if known else model or address


def _shared(place: Place) -> dict[str, Any]:
    return {
        "device": {
            "identifiers": [place.node],
            "name": _words(place.language)["gateway"].format(gateway=place.gateway),
            "manufacturer": "Balise",
        },
        "origin": {"name": "Balise"},
        "availability_topic": place.availability,
        "qos": 1,
    }


def _components(place: Place) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the gateway's own things, each reading its member of the state."""
    for key, platform, more in (
        ("server", "binary_sensor", {"device_class": "connectivity"}),
        ("radio", "binary_sensor", {"device_class": "running"}),
        ("clock", "binary_sensor", {"device_class": "problem"}),
        ("waiting", "sensor", {"state_class": "measurement"}),
        ("version", "sensor", {}),
    ):
        yield (
            key,
            {
                "platform": platform,
                "name": _words(place.language)[key],
                "unique_id": f"{place.node}-{key}",
                "value_template": f"{{{{ value_json.{key} }}}}",
                "entity_category": "diagnostic",
                **more,
            },
        )


def _contact(place: Place, one: DeviceHealth) -> bytes:
    key = slug(one.address)
    return _json(
        {
            **_shared(place),
            "name": _words(place.language)["contact"].format(device=title(one.model, one.address)),
            "unique_id": f"{place.node}-{key}-contact",
            "state_topic": f"{place.root}/state",
            "value_template": f"{{{{ value_json.contacts['{key}'] }}}}",
            "device_class": "timestamp",
            "entity_category": "diagnostic",
        }
    )


def _on(true: bool) -> str:  # noqa: FBT001 - the two words of a binary sensor
    return "ON" if true else "OFF"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@cache
def _words(language: str) -> dict[str, Any]:
    folder = resources.files("ingest.gateway.local") / "words"
    return tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))
