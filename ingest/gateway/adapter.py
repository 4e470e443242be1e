"""The Bluetooth adapter of a box, as its status says it."""

from __future__ import annotations

import msgspec

from ingest.gateway.watch import RadioState


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter; name and address where its stack says them."""

    state: RadioState = RadioState.UNKNOWN
    name: str = ""
    address: str = ""
