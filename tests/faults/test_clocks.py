"""The server's clock jumps by an hour and a day, both ways: no time is wrong without a mark.

Database, broker, receiver and flows run on a clock of the test's (Debian's `faketime`, which root
installs); the home's clock is right all the while.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import balise.stack
from balise.model import Quality
from bench.homes import Given, Home
from bench.line import Line, new_folder, running
from ingest.gateway.spool import Spool

pytestmark = pytest.mark.stack

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
JUMPS = ("+1h", "+0", "+1d", "-1h", "-1d", "+0")
MARKED = Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT
TOLERANCE = timedelta(minutes=2)


def library() -> Path | None:
    """Return the library that lends a process a clock, installed by root where it is missing."""
    where = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    if os.geteuid() == 0 and shutil.which("apt-get") and not any(where):
        for command in (["update", "-q"], ["install", "-qy", "faketime"]):
            subprocess.run(["apt-get", *command], capture_output=True, check=False)
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.fixture(scope="module")
def clock() -> Iterator[Path]:
    """A file that says how far the server's clock is off."""
    folder = new_folder()
    file = folder / "clock"
    file.write_text("+0\n", encoding="ascii")
    file.chmod(0o644)
    yield file
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def line(clock: Path) -> Iterator[Line]:
    """A line whose servers and processes have the clock in that file."""
    lent = library()
    if lent is None:
        pytest.skip("a clock of its own: apt-get install faketime")
    fake = {
        "LD_PRELOAD": str(lent),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    find = balise.stack.find

    def found(*arguments: Any) -> Any:
        programs = find(*arguments)
        return replace(programs, env={**programs.env, **fake})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balise.stack, "find", found)
        for name, value in fake.items():
            patch.setenv(name, value)
        with running(prefect=False) as started:
            yield started


def asked(line: Line, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(line.settings.database_url) as database:
        return database.execute(query.encode(), arguments).fetchall()


def off(line: Line) -> timedelta:
    """Return how far the database's clock is off."""
    ((now,),) = asked(line, "SELECT clock_timestamp()")
    return now - datetime.now(UTC)


def jump(line: Line, clock: Path, to: str, until: Until) -> timedelta:
    """Let the server's clock jump; return by how much it is off then."""
    clock.write_text(f"{to}\n", encoding="ascii")
    number, unit = int(to.strip("hd") or 0), to[-1]
    wanted = timedelta(hours=number) if unit == "h" else timedelta(days=number)
    until(lambda: abs(off(line) - wanted) < TOLERANCE)
    return wanted


def beats_now(home: Home, count: int) -> list[Given]:
    """Return heartbeats of this moment, by the home's clock."""
    now = datetime.now(UTC)
    return [Given(home.device, now + timedelta(milliseconds=n), 60 + n) for n in range(count)]


LANDED = "SELECT coalesce(sum(upper(one) - lower(one)), 0) FROM receipt, unnest(stored) AS one"
STORED = (
    "SELECT taken_at, quality FROM reading JOIN series ON series.id = series"
    " JOIN device ON device.id = device WHERE address = %s AND stamped_at = ANY(%s)"
)


def test_a_jump_of_the_servers_clock_loses_nothing_and_leaves_no_wrong_time_unmarked(
    line: Line, clock: Path, new_home: Callable[[str], Home], until: Until, closed: Close
):
    old, live = new_home("of last week"), new_home("of this moment")
    measured: list[tuple[timedelta, list[Given]]] = []
    with (
        closing(Spool(live.spool_file)) as spool,
        old.online(),
        live.online(),
        old.streaming(200),
    ):
        for to in JUMPS:
            error = jump(line, clock, to, until)
            measured.append((error, beats_now(live, 5)))
            live.put(spool, measured[-1][1])
            until(lambda: live.depth() == 0)
            subprocess.run([sys.executable, "-m", "balise", "flows", "run", "line"], check=True)
    with old.online():
        closed(line, old)
    for error, beats in measured:
        found = asked(line, STORED, live.device, [one.at for one in beats])
        assert len(found) == len(beats)
        wrong = [quality for at, quality in found if at not in {one.at for one in beats}]
        # What seems to come from the future has the time of its receipt, and says so.
        assert len(wrong) == (len(beats) if error < timedelta() else 0)
        assert all(Quality(quality) & MARKED == MARKED for quality in wrong)
