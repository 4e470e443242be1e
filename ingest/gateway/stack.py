"""The Bluetooth stack of this process: BlueZ with its agent, or bumble on a radio of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from balise.errors import RadioDown
from ingest.gateway.adapter import Adapter, AdapterState
from ingest.gateway.pairing.bluez_agent import registered
from ingest.gateway.pairing.bonds import BlueZBonds, Kit
from ingest.gateway.pairing.desk import Desk


def opened(ble: str, desk: Desk) -> AbstractAsyncContextManager[tuple[Kit, asyncio.Event]]:
    """Open the stack a setting names, its questions sent to the desk; `lost` is set when it goes.

    RadioDown where it does not open.
    """
    return _bluez(desk) if ble == "bluez" else _bumble(ble, desk)


@asynccontextmanager
async def _bluez(desk: Desk) -> AsyncIterator[tuple[Kit, asyncio.Event]]:
    async with registered(desk) as bus:
        lost = asyncio.Event()
        watch = asyncio.create_task(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        watch.add_done_callback(lambda _: lost.set())
        try:
            bonds = BlueZBonds(bus)
            yield Kit(bonds, adapter=bonds.adapter), lost
        finally:
            watch.cancel()


@asynccontextmanager
async def _bumble(ble: str, desk: Desk) -> AsyncIterator[tuple[Kit, asyncio.Event]]:
    try:
        # The box at home has BlueZ and is spared bumble, which brings forty packages.
        from ingest.gateway.bumble_backend import Radio, backends  # noqa: PLC0415
        from ingest.gateway.pairing.bumble_agent import attach  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RadioDown(
            f"BALISE_BLE={ble} needs bumble, which is not installed: "
            "set BALISE_BLE=bluez, or install Balise whole with `./run --help`"
        ) from error
    async with Radio(ble) as radio:

        async def adapter() -> Adapter:
            return Adapter(state=AdapterState.UP, name=ble)

        yield Kit(attach(radio, desk), *backends(radio), adapter), radio.lost
