"""What a device and a gateway are to each other, and what may be said of a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypedDict

from devices.virtual.faults import Faults
from devices.virtual.wall import Clock


class Item(NamedTuple):
    """Bytes, and the characteristic that tells them."""

    uuid: int
    data: bytes


class Gateway(Protocol):
    """What a device knows of the gateway that is connected to it."""

    @property
    def room(self) -> int:
        """Bytes that fit one notification."""
        ...

    def subscribed(self, uuid: int) -> bool:
        """Whether the gateway wants to be told a characteristic."""
        ...

    async def tell(self, item: Item) -> None:
        """Indicate until it is confirmed, or notify."""
        ...

    async def spend(self) -> None:
        """Count a frame that was told; the power may fail with it."""
        ...


class Settings(TypedDict, total=False):
    """What may be said of any device; see Peripheral."""

    address: str
    name: str
    clock: Clock | None
    maker: str
    model: str
    battery: int | None
    period: float
    linger: float
    on_confirmed: Callable[[bytes], None] | None
    faults: Faults
