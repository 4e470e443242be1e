"""The services of a device in bleak's terms, as bumble discovers them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.uuids import normalize_uuid_str
from bumble.att import ATT_Error
from bumble.core import UUID
from bumble.device import Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy

MTU = 517
"""Bytes of the ATT packet asked for: a value of 512, the longest there is, fits."""


def full_uuid(uuid: UUID) -> str:
    """Return a UUID as bleak writes it: 36 characters in lower case."""
    return normalize_uuid_str(uuid.to_hex_str("-"))


async def discover(
    peer: Peer, wanted: set[str] | None, write_size: Callable[[], int]
) -> BleakGATTServiceCollection:
    """Agree on the packet's size and return the services, of `wanted` alone where it is given."""
    with suppress(ATT_Error):  # a device may refuse to talk of packet sizes
        await peer.request_mtu(MTU)
    found = BleakGATTServiceCollection()
    for proxy in await peer.discover_services():
        if wanted is None or full_uuid(proxy.uuid) in wanted:
            service = BleakGATTService(proxy, proxy.handle, full_uuid(proxy.uuid))
            found.add_service(service)
            await _characteristics(proxy, service, found, write_size)
    return found


async def _characteristics(
    proxy: ServiceProxy,
    service: BleakGATTService,
    found: BleakGATTServiceCollection,
    write_size: Callable[[], int],
) -> None:
    for one in await proxy.discover_characteristics():
        properties = sorted(gatt_char_props_to_strs(one.properties))
        characteristic = BleakGATTCharacteristic(
            one, one.handle, full_uuid(one.uuid), properties, write_size, service
        )
        found.add_characteristic(characteristic)
        await _descriptors(one, characteristic, found)


async def _descriptors(
    proxy: CharacteristicProxy[bytes],
    characteristic: BleakGATTCharacteristic,
    found: BleakGATTServiceCollection,
) -> None:
    for one in await proxy.discover_descriptors():
        uuid = full_uuid(one.type)
        found.add_descriptor(BleakGATTDescriptor(one, one.handle, uuid, characteristic))
    proxy.descriptors_discovered = True  # or else bumble asks again at each subscription
