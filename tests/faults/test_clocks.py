"""The server's clock jumps by an hour and a day, both ways: no time is wrong without a mark.

Database, broker, receiver and flows go by a clock of the test's, by clock.c beside this file:
Debian's `faketime` shifts the clock of uptime too, by which they wait. The home's is right.
"""

from __future__ import annotations

import os
import shutil
import struct
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

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
HOUR, DAY, RIGHT = timedelta(hours=1), timedelta(days=1), timedelta()
JUMPS = (HOUR, DAY, -HOUR, -DAY, RIGHT)
LINE = (sys.executable, "-m", "balise", "flows", "run", "line")
MARKED = Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT
TOLERANCE = timedelta(minutes=2)


class Clock:
    """The clock of a server: how many seconds it is off stands in a file."""

    def __init__(self, folder: Path, cc: str) -> None:
        self._file, self._library = folder / "clock", folder / "clock.so"
        self.jump(timedelta())
        source = Path(__file__).with_name("clock.c")
        subprocess.run(
            [cc, "-O2", "-shared", "-fPIC", "-o", str(self._library), str(source), "-ldl"],
            check=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs that goes by this clock."""
        return {"LD_PRELOAD": str(self._library), "BALISE_TEST_CLOCK": str(self._file)}

    def jump(self, off: timedelta) -> None:
        """Be off by this from now on."""
        # In place, since processes look into this very file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", int(off.total_seconds())))


@pytest.fixture(scope="module")
def clock(distribution: Callable[..., None]) -> Iterator[Clock]:
    if not shutil.which("cc"):
        distribution("gcc", "libc6-dev")
    cc = shutil.which("cc")
    if cc is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no C compiler, and it could not be installed")
        pytest.skip("a clock of its own needs a C compiler: apt-get install gcc libc6-dev")
    folder = new_folder()
    yield Clock(folder, cc)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def line(clock: Clock) -> Iterator[Line]:
    """A line whose servers and processes go by that clock."""
    find = balise.stack.find

    def found(*arguments: Any) -> Any:
        programs = find(*arguments)
        return replace(programs, env={**programs.env, **clock.environment})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balise.stack, "find", found)
        for name, value in clock.environment.items():
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


def beats_now(home: Home, count: int) -> list[Given]:
    """Return heartbeats of this moment, by the home's clock."""
    now = datetime.now(UTC)
    return [Given(home.device, now + timedelta(milliseconds=n), 60 + n) for n in range(count)]


STORED = (
    "SELECT taken_at, quality FROM reading JOIN series ON series.id = series"
    " JOIN device ON device.id = device WHERE address = %s AND stamped_at = ANY(%s)"
)


def test_a_jump_of_the_servers_clock_loses_nothing_and_leaves_no_wrong_time_unmarked(
    line: Line, clock: Clock, new_home: Callable[[str], Home], until: Until, closed: Close
):
    old, live = new_home("of last week"), new_home("of this moment")
    measured: list[tuple[timedelta, list[Given]]] = []
    with (
        closing(Spool(live.spool_file)) as spool,
        old.online(),
        live.online(),
        old.streaming(200),
    ):
        for error in JUMPS:
            clock.jump(error)
            assert abs(off(line) - error) < TOLERANCE
            measured.append((error, beats_now(live, 5)))
            live.put(spool, measured[-1][1])
            until(lambda: live.depth() == 0)
            subprocess.run(LINE, check=True, capture_output=True)
    with old.online():
        closed(line, old)
    for error, beats in measured:
        found = asked(line, STORED, live.device, [one.at for one in beats])
        assert len(found) == len(beats)
        wrong = [quality for at, quality in found if at not in {one.at for one in beats}]
        # What seems to come from the future has the time of its receipt, and says so.
        assert len(wrong) == (len(beats) if error < RIGHT else 0)
        assert all(Quality(quality) & MARKED == MARKED for quality in wrong)
