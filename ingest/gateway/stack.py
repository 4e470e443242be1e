"""The Bluetooth stack of this process: BlueZ with its agent, or bumble on a radio of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from balise.errors import RadioDown
from ingest.gateway.bluez import BlueZ, told_of_its_end
from ingest.gateway.bluez_client import BlueZClient
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.bluez_agent import registered
from ingest.gateway.pairing.bonds import BlueZBonds
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.scan import Scan


def opened(
    ble: str, desk: Desk, keys: Path | None = None
) -> AbstractAsyncContextManager[tuple[Kit, asyncio.Event]]:
    """Open the stack a setting names, its questions sent to the desk; `lost` is set when it goes.

    RadioDown where it does not open. `keys` is the file where a radio that has no BlueZ keeps its
    bonds; without it they last as long as the radio is open.
    """
    return _bluez(desk) if ble == "bluez" else _bumble(ble, desk, keys)


@asynccontextmanager
async def _bluez(desk: Desk) -> AsyncIterator[tuple[Kit, asyncio.Event]]:
    async with registered(desk) as bus:
        lost = asyncio.Event()
        await told_of_its_end(bus, lost.set)
        watch = asyncio.create_task(bus.wait_for_disconnect())  # type: ignore[no-untyped-call] # no types
        watch.add_done_callback(lambda _: lost.set())
        try:
            bluez = BlueZ(bus)
            scan = Scan(adapters=bluez.names)
            yield Kit(BlueZBonds(bluez), bluez, scan, BlueZClient, bonds_unasked=True), lost
        finally:
            watch.cancel()


@asynccontextmanager
async def _bumble(
    ble: str, desk: Desk, keys: Path | None
) -> AsyncIterator[tuple[Kit, asyncio.Event]]:
    try:
        # The box at home has BlueZ and is spared bumble, which brings forty packages.
        from ingest.gateway.bumble_backend import Radio  # noqa: PLC0415
        from ingest.gateway.pairing.bumble_agent import kit_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RadioDown(
            f"BALISE_BLE={ble} needs bumble, which is not installed: "
            "set BALISE_BLE=bluez, or install Balise whole with `./run --help`"
        ) from error
    async with Radio(ble, keys) as radio:
        yield kit_of(radio, desk), radio.lost
