"""One home floods the line: the others are read meanwhile, and nothing of either is lost."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from bench.homes import Home
from bench.line import Line, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
NewHome = Callable[[str], Home]
PROBES = 9
FLOOD = 20_000
"""Readings a second of a device that should give one."""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALISE_FLOW_INTERVAL", "0.5")
        with running(prefect=True, members=("receive", "flows serve --no-schedules")) as started:
            yield started


READ = (
    "SELECT count(*) FROM reading JOIN series ON series.id = series"
    " JOIN device ON device.id = device WHERE address = %s"
)


def latency(database: psycopg.Connection, home: Home, until: Until) -> float:
    """Send a message; return the seconds until all of it is readings."""

    def readings() -> int:
        row = database.execute(READ.encode(), (home.device,)).fetchone()
        return int(row[0]) if row else 0

    before, began = readings(), time.monotonic()
    home.send(home.message(5))
    until(lambda: readings() > before)
    return time.monotonic() - began


def latencies(
    database: psycopg.Connection, homes: list[Home], chance: random.Random, until: Until
) -> list[float]:
    took: list[float] = []
    for number in range(PROBES):
        time.sleep(chance.uniform(0, 0.5))
        took.append(latency(database, homes[number % len(homes)], until))
    return sorted(took)


# A box gone mad: one reading a message, as many as the broker takes, waiting for no receipt.
MAD = """
import sys, threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from balise.settings import Settings
from bench.homes import Given
from devices.payloads.balise_v1 import encode_message
from ingest.mqtt import KEEPALIVE, Broker

settings = Settings.model_validate_json(sys.stdin.readline())
name, device = sys.argv[1:]
broker, epoch, start = Broker(settings), uuid4(), datetime.now(UTC) - timedelta(days=1)
client = broker.client(f"mad-{name}", persistent=False)
client.max_inflight_messages_set(2000)
window = threading.Semaphore(2000)
client.on_publish = lambda *_: window.release()
client.connect(broker.host, broker.port, KEEPALIVE)
client.loop_start()
told = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), told.set())).start()
count = 0
while not told.is_set():
    count += 1
    window.acquire()
    body = Given(device, start + timedelta(milliseconds=count), 60).body
    last = client.publish(
        f"balise/v1/{name}/frames", encode_message(epoch, [(count, body)]), qos=1
    )
for _ in range(2000):
    window.acquire()
print(count)
client.disconnect()
"""


@contextmanager
def mad(home: Home, sent: list[int]) -> Iterator[None]:
    """Let a box, a process of its own, send while the block runs; say then how many it was."""
    with subprocess.Popen(
        [sys.executable, "-c", MAD, home.name, home.device],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write(home.settings.model_dump_json() + "\n")
        process.stdin.flush()
        try:
            yield
            sent.append(int(process.communicate(timeout=60)[0]))
        finally:
            process.kill()


Compared = tuple[list[float], list[float]]


def compared(
    line: Line,
    homes: list[Home],
    chance: random.Random,
    until: Until,
    flood: AbstractContextManager[None],
) -> Compared:
    """Return the others' latencies before a flood and in it, each read before it ends."""
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        latencies(database, homes, chance, until)  # the first runs and chunks
        before = latencies(database, homes, chance, until)
        with flood:
            during = latencies(database, homes, chance, until)
    return before, during


def tell(before: list[float], during: list[float]) -> None:
    """Say what the others waited: how long that is is the machine's.

    That what is measured now goes before a flood is held by tests/ingest/test_receive.py.
    """
    print(  # noqa: T201
        f"others' seconds to a reading: median {statistics.median(before):.2f} before,"
        f" {statistics.median(during):.2f} in it; the worst {before[-1]:.2f}, {during[-1]:.2f}"
    )


def test_of_a_device_that_measures_all_the_time_the_others_are_read_meanwhile(
    line: Line, new_home: NewHome, chance: random.Random, until: Until, closed: Close
):
    homes, flooder = [new_home(f"neighbour {one}") for one in range(3)], new_home("flooder")
    with flooder.online():
        found = compared(line, homes, chance, until, flooder.streaming(FLOOD))
        print(f"{flooder.given()} readings, {flooder.depth()} still to land")  # noqa: T201
        closed(line, flooder, *homes)
    tell(*found)


SENT = "SELECT sum(messages), sum(landed), sum(accepted) FROM account WHERE gateway = %s"


def test_of_a_box_gone_mad_the_others_are_read_meanwhile(
    line: Line, new_home: NewHome, chance: random.Random, until: Until, closed: Close
):
    """Nothing of what it sends is lost either: it may be a patient who is very ill."""
    homes, box = [new_home(f"house {one}") for one in range(3)], new_home("mad")
    sent: list[int] = []
    found = compared(line, homes, chance, until, mad(box, sent))
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        until(lambda: database.execute(SENT.encode(), (box.name,)).fetchone() == (*sent * 3,), 300)
    print(f"{sent} messages")  # noqa: T201
    closed(line, *homes)
    tell(*found)
