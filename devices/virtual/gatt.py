"""A device's services as data: which characteristic is told, read or written, or has one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bumble.core import UUID
from bumble.gatt import Characteristic, CharacteristicValue, Service

How = Characteristic.Properties
READ, WRITE, NOTIFY, INDICATE = How.READ, How.WRITE, How.NOTIFY, How.INDICATE

Gatt = Mapping[int, Mapping[int, How | bytes]]
"""Characteristics by service: their properties, or the value they always have."""


class Owner(Protocol):
    """Who answers for what is read and written, and wants to know of subscriptions."""

    def read(self, uuid: int) -> bytes:
        """Return what a characteristic says now."""
        ...

    def write(self, uuid: int, data: bytes) -> None:
        """Take what a gateway wrote; ATT_Error where it is refused."""
        ...

    def wake(self) -> None:
        """Look again at what has changed."""
        ...


def services(owner: Owner, *tables: Gatt) -> tuple[list[Service], dict[int, Characteristic[bytes]]]:
    """Return the services of some tables, and their characteristics by number."""
    found: dict[int, Characteristic[bytes]] = {}
    made: list[Service] = []
    for table in tables:
        for service, rows in table.items():
            own = {uuid: _characteristic(owner, uuid, how) for uuid, how in rows.items()}
            found |= own
            made.append(Service(UUID.from_16_bits(service), own.values()))
    return made, found


def _characteristic(owner: Owner, uuid: int, how: How | bytes) -> Characteristic[bytes]:
    number = UUID.from_16_bits(uuid)
    if isinstance(how, bytes):
        return Characteristic(number, READ, Characteristic.READABLE, how)
    allowed = Characteristic.Permissions(0)
    allowed |= Characteristic.READABLE if how & READ else allowed
    allowed |= Characteristic.WRITEABLE if how & WRITE else allowed
    value = CharacteristicValue[bytes](
        read=lambda _link: owner.read(uuid), write=lambda _link, data: owner.write(uuid, data)
    )
    made: Characteristic[bytes] = Characteristic(number, how, allowed, value)
    made.on(Characteristic.EVENT_SUBSCRIPTION, lambda *_: owner.wake())
    return made
