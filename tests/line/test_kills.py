"""kill -9 of each part while a device streams: nothing lost, nothing doubled, all accounted for.

The oracle is the device's own ledger: what a gateway confirmed to it is forgotten by it, so that
this must be in the database exactly once.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest

from bench.line import Line
from bench.waiting import until_async
from devices.payloads import balise_v1
from devices.virtual.air import Air
from devices.virtual.thermometer import Thermometer
from flows import steps
from ingest.gateway import devices
from ingest.gateway.spool import Spool

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ADDRESSES = {
    part: f"C0:00:00:00:0A:{number:02X}"
    for number, part in enumerate(("receive", "postgres", "gateway", "broker"))
}
MEASUREMENTS = 60
EVERY = 0.08


def kill(line: Line, part: str, gateway: str) -> None:
    if part == "gateway":
        line.fleet.kill(gateway)
    elif part == "receive":
        line.fleet.kill("receive")
    else:
        os.kill(line.stack.pid(part), signal.SIGKILL)
        time.sleep(0.3)
        line.stack.restart(part)


@pytest.mark.parametrize("part", ADDRESSES)
def test_kill_9_while_streaming(line: Line, part: str):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    home = f"home-{part}"
    line.enrol(home, {ADDRESSES[part]: "Thermometer"})
    confirmed = asyncio.run(stream(line, part, home, random.Random(seed)))  # noqa: S311
    line.fleet.kill(home)
    del line.fleet.members[home]
    assert len(confirmed) == MEASUREMENTS

    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        rows = database.execute(
            "SELECT payload FROM landing WHERE gateway = %s", (home,)
        ).fetchall()
        landed = {item.data for (payload,) in rows for item in balise_v1.read(payload).every()}
        assert landed == {frame.hex() for frame in confirmed}

        steps.run_line(line.settings.database_url)
        stored = database.execute(
            "SELECT count(*), count(DISTINCT value) FROM reading JOIN subject"
            " ON subject.id = reading.subject WHERE subject.code = %s",
            (home,),
        ).fetchone()
        assert stored == (MEASUREMENTS, MEASUREMENTS)
        account = database.execute(
            "SELECT sum(landed) = sum(accepted) + sum(duplicate) + sum(refused), sum(accepted),"
            " sum(refused) FROM account WHERE gateway = %s",
            (home,),
        ).fetchone()
        assert account == (True, MEASUREMENTS, 0)


async def stream(line: Line, part: str, home: str, chance: random.Random) -> list[bytes]:
    thermometer = Thermometer(address=ADDRESSES[part], name="Thermo", linger=3600)
    async with Air() as air:
        await air.add(thermometer)
        line.add_gateway(home, air.radio)
        moments = sorted(chance.sample(range(10, MEASUREMENTS - 5), 2))
        for number in range(MEASUREMENTS):
            thermometer.measure(temperature=Decimal("35.00") + Decimal(number) / 100)
            if number in moments:
                await asyncio.to_thread(kill, line, part, home)
            await asyncio.to_thread(line.fleet.keep_running)
            await asyncio.sleep(EVERY)
        await settled(line, lambda: not thermometer.memory)
        spool = Spool(devices.folder(line.settings.home, home) / "spool.db")
        try:
            await settled(line, lambda: spool.depth() == 0)
        finally:
            spool.close()
    return thermometer.confirmed


async def settled(line: Line, condition: Callable[[], bool]) -> None:
    await until_async(condition, meanwhile=line.fleet.keep_running, poll=0.1)
