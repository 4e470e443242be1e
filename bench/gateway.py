"""`balise bench gateway`: a box whose devices all stream: what it takes, and whether it loses any.

The gateway is the real process, over bumble (which runs the whole Bluetooth host in it: with BlueZ
that part is the kernel's and bluetoothd's); broker and receiver are real too.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.line import Line, running
from devices.payloads import balise_v1
from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway.devices import folder
from ingest.gateway.spool import Spool

_HOME = "bench-home"
_EVERY = 5.0
_SETTLED = 30.0
"""Seconds until all are connected; the memory is compared with what it is then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at a moment: seconds of processor used, kilobytes resident."""

    at: float
    processor: float
    resident: int


def main(minutes: float, devices: int) -> None:
    """Print the gateway's memory, processor share and accounts as one JSON object."""
    addresses = [f"C0:00:00:00:0D:{number:02X}" for number in range(devices)]
    with running(prefect=False) as line:
        line.enrol(_HOME, dict.fromkeys(addresses, "strap"))
        samples, told = asyncio.run(_measure(line, addresses, minutes * 60))
        given = _drained(folder(line.settings.home, _HOME) / "spool.db")
        landed = _landed(line.settings.database_url)
    counts = {"devices": devices, "told": told, "spooled": given, "landed": landed}
    print(json.dumps(_report(samples) | counts))


async def _measure(
    line: Line, addresses: Iterable[str], seconds: float
) -> tuple[list[Sample], int]:
    straps = [HeartRateStrap(address=one, name="strap", period=1.0) for one in addresses]
    async with Air() as air:
        for number, strap in enumerate(straps):
            strap.beat(bpm=60 + number, rr_intervals=(1000,))
            await air.add(strap)
        line.add_gateway(_HOME, air.radio)
        process = line.fleet.members[_HOME].process
        if process is None:
            raise RuntimeError("the gateway does not run")
        samples = [sample async for sample in _watched(process.pid, seconds)]
        return samples, sum(strap.told for strap in straps)


async def _watched(pid: int, seconds: float) -> AsyncIterator[Sample]:
    until = time.monotonic() + _SETTLED + seconds
    await asyncio.sleep(_SETTLED)
    while time.monotonic() < until:
        yield sample(pid)
        await asyncio.sleep(_EVERY)


def sample(pid: int) -> Sample:
    """Return how a process is now, as proc(5) says."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    user, system, resident = int(fields[11]), int(fields[12]), int(fields[21])
    return Sample(time.monotonic(), (user + system) / ticks, resident * page // 1024)


def _report(samples: list[Sample]) -> dict[str, object]:
    first, last = samples[0], samples[-1]
    share = (last.processor - first.processor) / (last.at - first.at)
    return {
        "minutes": round((last.at - first.at) / 60, 1),
        "processor_percent_of_a_core": round(100 * share, 1),
        "megabytes_at_first": round(first.resident / 1024, 1),
        "megabytes_at_last": round(last.resident / 1024, 1),
        "megabytes_at_most": round(max(one.resident for one in samples) / 1024, 1),
    }


def _drained(path: Path) -> int:
    """Wait until the server holds everything; return how many items there were."""
    spool = Spool(path)
    until = time.monotonic() + 60
    while spool.depth() and time.monotonic() < until:
        time.sleep(0.1)
    given = spool.status().given
    spool.close()
    return given


def _landed(database_url: str) -> int:
    with psycopg.connect(database_url) as database:
        rows = database.execute("SELECT payload FROM landing WHERE gateway = %s", (_HOME,))
        return len(
            {
                (message.epoch, item.seq)
                for (payload,) in rows
                for message in (balise_v1.read(payload),)
                for item in message.every()
            }
        )
