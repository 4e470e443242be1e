"""Whether the services that a stack says a device has are those of its model.

BlueZ answers from a cache, which may be empty, or older than the device's firmware.
"""

from __future__ import annotations

from bleak.backends.service import BleakGATTServiceCollection

from devices.models.model import Model
from devices.registry import short_uuid
from ingest.gateway.session import listened


def missing(services: BleakGATTServiceCollection, model: Model | None) -> bool:
    """Say whether there is nothing of what the model sends; of an unknown one, nothing to hear."""
    there = [
        (short_uuid(service.uuid), short_uuid(one.uuid))
        for service in services
        for one in service.characteristics
    ]
    if model is None:
        return not any(listened(service, one, None) for service, one in there)
    return not {f"{service}/{one}" for service, one in there} & set(model.sends)
