"""Devices that are never connected to: their advertisements carry the figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from balise.errors import NotUnderstood
from balise.model import State
from devices import models, registry
from devices.models.model import Pairing
from devices.payloads import balise_v1
from devices.registry import short_uuid
from ingest.gateway.devices import KnownDevice

_SERVICE_DATA = "SERVICE_DATA"


def advertises(device: KnownDevice) -> bool:
    """Say whether a device is only listened to."""
    model = models.known(device.model)
    return model is not None and model.pairing is Pairing.ADVERTISEMENT


class Adverts:
    """Tells a new figure from the repeats of the one before it."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], bytes] = {}

    def items(self, device: KnownDevice, service_data: Mapping[str, bytes]) -> list[bytes]:
        """Return the items of an advertisement that say something new, ready for the spool."""
        found: list[bytes] = []
        for uuid, data in service_data.items():
            key = (device.address, short_uuid(uuid))
            if self._last.get(key) != data and _measured(key[1], data):
                self._last[key] = data
                found.append(_item(device, key[1], data))
        return found


def _measured(service: str, data: bytes) -> bool:
    """Say whether to keep it: not what the scale shows while a person steps on and off."""
    try:
        found = registry.decode(_SERVICE_DATA, data, service=service)
    except NotUnderstood:
        return False
    return all(one.state is State.MEASURED for one in found)


def _item(device: KnownDevice, service: str, data: bytes) -> bytes:
    return balise_v1.encode_item(
        balise_v1.Item(
            device=device.address,
            captured_at=datetime.now(UTC),
            service=service,
            characteristic=_SERVICE_DATA,
            data=data.hex(),
            model=device.model,
        )
    )
