"""What the agent and a pairing need of a Bluetooth stack, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice

from ingest.gateway.scan import Scan


class Bonds(Protocol):
    """The bonds of a stack; devices are named by their identity address, in capitals."""

    async def has(self, address: str) -> bool:
        """Whether keys of a device are kept here."""
        ...

    async def forget(self, address: str) -> None:
        """Drop the keys of a device; nothing happens where there are none."""
        ...

    async def holder(self, address: str) -> str:
        """Return the address of the adapter that holds the keys of a device, else nothing."""
        ...

    async def identity(self, device: BLEDevice) -> str:
        """Return the address that lasts, of a device that was heard under any."""
        ...


class Adapters(Protocol):
    """The radios of a stack; each is named by its address, which outlives its number."""

    async def here(self) -> Mapping[str, str]:
        """Return the stack's own name of each adapter by its address; BleakError where none is."""
        ...

    def heard_by(self, device: BLEDevice) -> str:
        """Return the address of the adapter that heard a device, nothing where it is unknown."""
        ...

    async def power_cycle(self) -> None:
        """Switch the radio off and on; BleakError or TimeoutError where it does not obey."""
        ...

    async def linked(self) -> frozenset[str]:
        """Return the devices with which a link stands, whoever made it."""
        ...

    async def hang_up(self, address: str) -> None:
        """End the link with a device, whoever made it."""
        ...

    async def forget_unbonded(self, address: str) -> bool:
        """Forget all that is cached of a device; False where it is bonded, which is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Kit:
    """A Bluetooth stack; `bonds_unasked` where it bonds as a device refuses to be read before."""

    bonds: Bonds
    adapters: Adapters
    scan: Scan
    client: type[BaseBleakClient]
    bonds_unasked: bool = False
