"""kill -9 of every part at random moments under load; BALISE_KILLS=50 for as many of each.

What ended is started again by what does so on a machine: `keep_running` of the stack and of the
fleet, as in `balise up`. Times are from the kill to the first progress after it.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from balise.stack import Part
from bench.homes import Home
from bench.line import Line, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
KILLS = int(os.environ.get("BALISE_KILLS", "2"))
FLOWS = "flows serve --no-schedules"


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALISE_FLOW_INTERVAL", "0.2")
        with running(prefect=True, members=("receive", FLOWS)) as started:
            yield started


LANDED = "SELECT coalesce(max(id), 0) FROM landing_batch"
VALIDATED = "SELECT count(*) FROM landing_batch WHERE validated_at IS NOT NULL"
COPYING = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 0"
PACE = {"postgres": 2000}
"""Readings a second, 600 elsewhere: enough for a COPY to be seen before it is over."""
PROGRESS = {
    "receive": LANDED,
    "postgres": VALIDATED,
    "broker": LANDED,
    FLOWS: VALIDATED,
    "prefect": VALIDATED,
}


def ask(line: Line, query: str) -> int:
    """Return a figure of the database's; -1 while it is away."""
    try:
        with psycopg.connect(line.settings.database_url) as database:
            row = database.execute(query.encode()).fetchone()
    except psycopg.OperationalError:
        return -1
    return int(row[0]) if row else -1


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [pid, *map(int, children.split())]


def kill(line: Line, part: str) -> None:
    if part in line.fleet.members:
        line.fleet.kill(part)
        return
    server: Part = part  # type: ignore[assignment]
    for pid in family(line.stack.pid(server)):
        os.kill(pid, signal.SIGKILL)
    while line.stack.pid(server):
        time.sleep(0.001)


def in_a_copy(line: Line, seconds: float) -> bool:
    """Wait for a COPY that has written rows; say whether there was one."""
    end = time.monotonic() + seconds
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        while time.monotonic() < end:
            row = database.execute(COPYING).fetchone()
            if row and row[0]:
                return True
            time.sleep(0.001)
    return False


def seconds_to_progress(line: Line, part: str, until: Until) -> float:
    """Kill a part; return the seconds until the line has gone on."""
    began = time.monotonic()
    kill(line, part)
    # What was under way may end without the killed part; it is started again in any case.
    line.keep_running()
    until(lambda: ask(line, PROGRESS[part]) >= 0, 60, line)
    before = ask(line, PROGRESS[part])
    until(lambda: ask(line, PROGRESS[part]) > before, 120, line)
    return time.monotonic() - began


@pytest.mark.parametrize("part", PROGRESS)
def test_kill_9_at_random_moments_under_load(
    line: Line, home: Home, chance: random.Random, until: Until, closed: Close, part: str
):
    until(line.stack.prefect_answers, 120, line)
    took: list[float] = []
    copies = 0
    with home.online(), home.streaming(PACE.get(part, 600)):
        until(lambda: ask(line, LANDED) > 0)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 2.0))
            copies += part == "postgres" and in_a_copy(line, 3)
            took.append(seconds_to_progress(line, part, until))
            until(line.stack.prefect_answers, 120, line)
    with home.online():
        figures = closed(line, home)
    print(  # noqa: T201
        f"{KILLS} kills of {part}, {home.given()} given; {copies} in a COPY; progress again after"
        f" {statistics.median(took):.1f} s, {max(took):.1f} s at the longest; {figures}"
    )
