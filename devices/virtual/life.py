"""The life of a virtual device: advertise, tell a gateway what there is, hang up, again.

Times are seconds of the event loop. A life ends where it is cancelled, or where the power fails.
"""

from __future__ import annotations

import asyncio

from bumble.device import Connection, Device

from devices.virtual.link import Link, end
from devices.virtual.peripheral import Peripheral
from devices.virtual.security import rotate

ADVERTISING_MS = 200

Links = asyncio.Queue[Connection]


async def live(peripheral: Peripheral, device: Device) -> None:
    """Live on a powered device: one gateway at a time, as long as there is something to tell."""
    links: Links = asyncio.Queue()
    device.on(Device.EVENT_CONNECTION, links.put_nowait)
    powered, turns = True, peripheral.turns
    while powered:
        await peripheral.until(peripheral.busy)
        if turns != peripheral.turns:
            turns = peripheral.turns
            await rotate(device)
        connection = await _advertise(peripheral, device, links, turns)
        if connection is not None:
            powered = await Link(peripheral, device, connection).run()


async def _advertise(
    peripheral: Peripheral, device: Device, links: Links, turns: int
) -> Connection | None:
    """Return the next link, None where what is advertised has changed meanwhile."""
    if not links.empty():  # a gateway was as fast as the change
        return links.get_nowait()
    data = peripheral.advertisement()
    await device.start_advertising(
        advertising_data=data,
        advertising_interval_min=ADVERTISING_MS,
        advertising_interval_max=ADVERTISING_MS,
    )

    def changed() -> bool:
        same = (data, turns) == (peripheral.advertisement(), peripheral.turns)
        return not (same and peripheral.busy())

    found = asyncio.create_task(links.get())
    change = asyncio.create_task(peripheral.until(changed))
    try:
        await asyncio.wait((found, change), return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            return found.result()
    finally:
        await end(found, change)
    await device.stop_advertising()
    return None
