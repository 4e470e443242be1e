"""What systemd is told: ready, alive, stopping (sd_notify(3)); nothing where it is not there."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable


def notify(state: str) -> None:
    """Send a state to the service manager."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # An abstract socket is written with @ and begins with a zero byte.
    path = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.connect(path)
        out.sendall(state.encode())


async def watch(alive: Callable[[], bool]) -> None:
    """Tell systemd that we live, twice in the time after which it would start us again."""
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
    while period:
        if alive():
            notify("WATCHDOG=1")
        await asyncio.sleep(period)
