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

pytestmark = pytest.mark.stack

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
BACKLOG = int(os.environ.get("BALISE_BACKLOG", "100000"))
HOMES, BEATS = 5, 50
MOST_MEGABYTES = 300

VALIDATE = """
import os
import psycopg
from balise.settings import Settings
from flows import steps
from sql.readings import Accounting

with psycopg.connect(Settings().database_url, autocommit=True) as connection:
    steps.drain(lambda: steps.validate(connection), Accounting())
"""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=False) as started:
        yield started


def peak(pid: int) -> int:
    """Return the most memory a process has had so far, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (kilobytes,) = (one.split()[1] for one in status.splitlines() if one.startswith("VmHWM"))
    return int(kilobytes) // 1024


def landed(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute("SELECT coalesce(sum(messages), 0) FROM landing_batch").fetchone()
    return int(row[0]) if row else 0


def validated(until: Until) -> tuple[float, int]:
    """Let a process of its own validate all there is; return its seconds and its memory."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", VALIDATE]) as process:
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = code
    assert code == 0
    return time.monotonic() - began, used.ru_maxrss // 1024


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
    memory = {"receiver": peak(receiver.pid)}
    seconds, memory["validate"] = validated(until)
    print(  # noqa: T201
        f"{BACKLOG} readings: received in {received:.1f} s, validated in {seconds:.1f} s;"
        f" megabytes at the most {memory}"
    )
    assert max(memory.values()) <= MOST_MEGABYTES
    closed(line, *homes)
