"""The Bluetooth adapter of a box, as its status says it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class AdapterState(StrEnum):
    """How the adapter is."""

    UP = "up"
    DOWN = "down"
    """It is not there, or not powered."""
    HUNG = "hung"
    """It is there and does not answer."""
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> AdapterState:  # noqa: ARG003 - Enum's signature
        """Read a word of a newer box."""
        return cls.UNKNOWN


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter; name and address where its stack says them."""

    state: AdapterState = AdapterState.UNKNOWN
    name: str = ""
    address: str = ""


def of_bluez(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Adapter:
    """Return the adapter among BlueZ's objects: the one that is powered, or the first."""
    found = [
        Adapter(
            state=AdapterState.UP if one["Powered"].value else AdapterState.DOWN,
            name=path.rpartition("/")[2],
            address=one["Address"].value,
        )
        for path, interfaces in sorted(objects.items())
        if (one := interfaces.get("org.bluez.Adapter1"))
    ]
    powered = [one for one in found if one.state is AdapterState.UP]
    return next(iter((*powered, *found)), Adapter(state=AdapterState.DOWN))
