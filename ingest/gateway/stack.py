"""The Bluetooth stack of this process: BlueZ with its agent, or bumble on a radio of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.pairing.bluez_agent import registered
from ingest.gateway.pairing.bonds import BlueZBonds, Kit
from ingest.gateway.pairing.bumble_agent import attach
from ingest.gateway.pairing.desk import Desk


@asynccontextmanager
async def opened(ble: str, desk: Desk) -> AsyncIterator[tuple[Kit, asyncio.Event]]:
    """Open the stack a setting names, its questions sent to the desk; `lost` is set when it goes.

    RadioDown where it does not open.
    """
    if ble == "bluez":
        async with registered(desk) as bus:
            lost = asyncio.Event()
            watch = asyncio.create_task(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
            watch.add_done_callback(lambda _: lost.set())
            try:
                yield Kit(BlueZBonds(bus)), lost
            finally:
                watch.cancel()
    else:
        async with Radio(ble) as radio:
            yield Kit(attach(radio, desk), *backends(radio)), radio.lost
