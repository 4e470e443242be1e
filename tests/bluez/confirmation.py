"""Does BlueZ confirm an indication before our callback has committed it? A step of the guest.

The cuff notes when the confirmation arrives, `slow_gateway.py` when its callback begins and when
its frame is committed; both read one clock. What a cuff has confirmed it may erase, so that the
time between is the window in which a reading can be lost.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from guest import HOME, Bench, address, measure

from devices.virtual.blood_pressure import BloodPressureCuff

GATEWAY = Path(__file__).with_name("slow_gateway.py")
FRAMES, SLOW = 5, 2.0


@dataclass
class Round:
    """A cuff with some readings, and a slow gateway that fetches them."""

    cuff: BloodPressureCuff
    spool: Path
    confirmed: list[float]
    told: dict[str, list[float]] = field(
        default_factory=lambda: dict[str, list[float]](called=[], committed=[])
    )

    async def fetch(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Let a gateway that is so slow fetch until it is enough, and kill it."""
        gateway = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", f"pycache_prefix={sys.pycache_prefix}"),
            *(GATEWAY, self.cuff.address, str(seconds), self.spool),
            stdout=asyncio.subprocess.PIPE,
        )
        listening = asyncio.create_task(self._listen(gateway))
        try:
            async with asyncio.timeout(60):
                while not enough():
                    await asyncio.sleep(0.01)
        finally:
            gateway.kill()
            await gateway.wait()
            await listening

    async def _listen(self, gateway: Process) -> None:
        while gateway.stdout and (line := await gateway.stdout.readline()):
            event, at = json.loads(line)
            self.told[event].append(at)

    def kept(self) -> int:
        """Return how many frames a gateway that starts again finds in its spool."""
        with sqlite3.connect(self.spool) as database:
            return int(database.execute("SELECT count(*) FROM item").fetchone()[0])


def prepare(number: int) -> Round:
    confirmed: list[float] = []
    cuff = BloodPressureCuff(
        address=address(number),
        name=f"cuff {number}",
        linger=3,
        on_confirmed=lambda _: confirmed.append(time.monotonic()),
    )
    for systolic in range(120, 120 + FRAMES):
        measure(cuff, systolic)
    return Round(cuff, HOME / f"slow-{number}.db", confirmed)


async def confirmation_order(bench: Bench) -> dict[str, object]:
    """BlueZ confirms by itself: a gateway that dies in its callback loses what a cuff erases."""
    slow, quick = prepare(8), prepare(9)
    await bench.air.add(slow.cuff)
    await slow.fetch(SLOW, lambda: len(slow.confirmed) == FRAMES)
    await bench.air.remove(slow.cuff)
    await bench.air.add(quick.cuff)
    await quick.fetch(0, lambda: len(quick.told["committed"]) == FRAMES)
    await bench.air.remove(quick.cuff)
    windows = [
        (committed - confirmed) * 1000
        for confirmed, committed in zip(quick.confirmed, quick.told["committed"], strict=True)
    ]
    return {
        "sent": FRAMES,
        "confirmed_after_callback_began_ms": between(slow.told["called"], slow.confirmed),
        "confirmed_while_the_first_callback_ran": len(slow.confirmed),
        "committed_when_killed": slow.kept(),
        "left_in_the_cuff": len(slow.cuff.memory),
        "window_ms_median": round(statistics.median(windows), 1),
        "window_ms_longest": round(max(windows), 1),
        "committed_without_delay": quick.kept(),
    }


def between(called: list[float], confirmed: list[float]) -> float | None:
    """Return the milliseconds from the first callback to the first confirmation, if it began."""
    return round((confirmed[0] - called[0]) * 1000, 1) if called else None
