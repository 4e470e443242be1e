"""A gateway with a slow disk, for confirmation.py: `slow_gateway.py ADDRESS SECONDS SPOOL`.

A process of its own: it may be killed, and its waiting keeps nobody else from running. It says on
its standard output when a callback begins and when its frame is committed, in seconds of the
machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bleak import BleakClient, BleakScanner

from ingest.gateway.spool import Spool

MEASUREMENT = "00002a35-0000-1000-8000-00805f9b34fb"


def say(event: str) -> None:
    sys.stdout.write(json.dumps([event, time.monotonic()]) + "\n")
    sys.stdout.flush()


async def main(address: str, seconds: float, path: Path) -> None:
    spool, ended = Spool(path), asyncio.Event()

    def on_frame(_: object, data: bytearray) -> None:
        say("called")
        time.sleep(seconds)
        spool.put(bytes(data))
        say("committed")

    device = await BleakScanner.find_device_by_address(address, timeout=15)
    if device is None:
        raise TimeoutError(f"{address} is not heard")
    async with BleakClient(device, lambda _: ended.set()) as client:
        await client.start_notify(MEASUREMENT, on_frame)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])))
