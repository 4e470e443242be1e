"""A backlog of any length is worked off in the same memory: BALISE_BACKLOG=1000000."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bench.homes import Home
from bench.line import Line, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
BACKLOG = int(os.environ.get("BALISE_BACKLOG", "100000"))
HOMES, BEATS = 5, 50
MOST_MEGABYTES = 300
LARGE, MANY_MEGABYTES = 250_000, 600

VALIDATE = """
import os
import psycopg
from balise.settings import Settings
from flows import steps
from sql.readings import Accounting

with psycopg.connect(Settings().database_url, autocommit=True) as connection:
    steps.drain(lambda: steps.validate(connection), Accounting())
print(open("/proc/self/status").read())
"""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=False) as started:
        yield started


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="ascii")


def peak(status: str) -> int:
    """Return the most memory a process has had so far, in megabytes; `status` is as in /proc.

    What `wait4` tells counts what the parent had when it started the process.
    """
    (kilobytes,) = (one.split()[1] for one in status.splitlines() if one.startswith("VmHWM"))
    return int(kilobytes) // 1024


def landed(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute("SELECT coalesce(sum(messages), 0) FROM landing_batch").fetchone()
    return int(row[0]) if row else 0


def validated() -> tuple[float, int]:
    """Let a process of its own validate all there is; return its seconds and its memory."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE], check=True, stdout=subprocess.PIPE, text=True
    )
    return time.monotonic() - began, peak(done.stdout)


def test_a_backlog_is_received_and_validated_in_bounded_memory(
    line: Line, new_home: Callable[[str], Home], until: Until, closed: Close
):
    homes = [new_home(f"backlog {number}") for number in range(HOMES)]
    line.fleet.kill("receive")
    for home in homes:
        home.send(*(home.message(BEATS) for _ in range(BACKLOG // BEATS // HOMES)))
    line.keep_running()
    receiver = line.fleet.members["receive"].process
    assert receiver
    received = until(lambda: landed(line) == BACKLOG // BEATS, 300)
    memory = {"receiver": peak(status_of(receiver.pid))}
    seconds, memory["validate"] = validated()
    print(  # noqa: T201
        f"{BACKLOG} readings: received in {received:.1f} s, validated in {seconds:.1f} s;"
        f" megabytes at the most {memory}"
    )
    assert max(memory.values()) <= MOST_MEGABYTES
    closed(line, *homes)


def test_what_waits_for_a_database_that_is_away_fills_the_broker_and_not_the_receiver(
    line: Line, home: Home, until: Until, closed: Close
):
    """Messages as large as the broker lets through, from a box that sends as fast as it can."""
    receiver = line.fleet.members["receive"].process
    assert receiver
    beats = home.message(BEATS)
    large = [
        beats[:-1] + b',"mood":"%d%b"}' % (number, b"." * LARGE)
        for number in range(MANY_MEGABYTES * 1_000_000 // LARGE)
    ]
    before = landed(line)
    with psycopg.connect(line.settings.database_url) as database:
        database.execute("LOCK TABLE landing IN EXCLUSIVE MODE")
        home.send(*large)
        memory = peak(status_of(receiver.pid))
    until(lambda: landed(line) == before + len(large), 120)
    memory = max(memory, peak(status_of(receiver.pid)))
    print(f"{MANY_MEGABYTES} MB sent, the receiver had {memory} MB at the most")  # noqa: T201
    assert memory <= MOST_MEGABYTES
    figures = closed(line, home)
    assert figures["duplicate"] + figures["accepted"] + figures["refused"] == BEATS * len(large)
