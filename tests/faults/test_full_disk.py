"""PostgreSQL's disk is full: nothing is acknowledged, the reason is said, all of it comes later.

A small tmpfs is the disk and a file takes what is left of it; only root can mount one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from balise.errors import Exit
from bench.homes import Home
from bench.line import Line, new_folder, running
from ingest.mqtt import Broker, wait_for
from ingest.receive import ONLINE, STATUS

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk of its own"),
]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
SIZE = "400m"
A_SECOND = 400


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A disk for PostgreSQL alone."""
    folder = new_folder()
    place = folder / "home" / "postgres"
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def line(disk: Path) -> Iterator[Line]:
    with running(prefect=False, home=disk.parent.parent) as started:
        yield started


def fill(disk: Path) -> Path:
    """Take everything that is left of a disk; return what to delete to give it back."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for block in (1 << 20, 1 << 12):
            try:
                while file.write(b"\0" * block) == block:
                    pass
            except OSError:
                continue
    return ballast


def landed(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute("SELECT count(*) FROM landing").fetchone()
    return int(row[0]) if row else 0


def test_a_full_disk_stops_the_acknowledgements_says_why_and_costs_nothing(
    line: Line, disk: Path, home: Home, until: Until, closed: Close
):
    broker = Broker(line.settings)
    with home.online(), home.streaming(A_SECOND):
        until(lambda: landed(line) > 5)
        ballast = fill(disk)
        wait_for(broker, f"{STATUS}/1", b"database full", 60)
        before, depth = landed(line), home.depth()
        until(lambda: home.depth() > depth + 3 * A_SECOND, 60)
        assert landed(line) == before
        assert run_line() == Exit.DEPENDENCY_DOWN
        ballast.unlink()
        took = until(lambda: landed(line) > before, keep=line)
    with home.online():
        figures = closed(line, home)
    wait_for(broker, f"{STATUS}/1", ONLINE, 180)
    print(f"lands again {took:.1f} s after there is room; {figures}")  # noqa: T201
    said = (line.fleet.logs / "receive.log").read_text(encoding="utf-8")
    assert '"why": "database full"' in said
    assert "database_takes_again" in said


def log_filled(line: Line) -> None:
    """Begin segments of PostgreSQL's own log until there is no room for one: it panics."""
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(line.settings.database_url, autocommit=True) as database,
    ):
        while True:
            database.execute("SELECT pg_switch_wal(), pg_logical_emit_message(true, 'x', 'x')")


def test_a_disk_too_full_for_the_database_s_own_log_brings_it_down_until_there_is_room(
    line: Line, disk: Path, home: Home, until: Until, closed: Close
):
    """PostgreSQL ends, and can't start again: whoever keeps it running goes on trying."""
    with home.online(), home.streaming(A_SECOND):
        until(lambda: landed(line) > 5)
        postgres = line.stack.pid("postgres")
        ballast = fill(disk)
        log_filled(line)
        wait_for(Broker(line.settings), f"{STATUS}/1", b"database down", 60)
        until(lambda: line.stack.pid("postgres") != postgres, keep=line)
        depth = home.depth()
        until(lambda: home.depth() > depth + A_SECOND, keep=line)
        ballast.unlink()
        took = until(lambda: answers(line), keep=line)
    with home.online():
        figures = closed(line, home)
    wait_for(Broker(line.settings), f"{STATUS}/1", ONLINE, 180)
    print(f"answers again {took:.1f} s after there is room; {figures}")  # noqa: T201


def answers(line: Line) -> bool:
    try:
        return landed(line) > 0
    except psycopg.OperationalError:
        return False


def run_line() -> int:
    """Run the flows by hand; return the exit code."""
    command = [sys.executable, "-m", "balise", "flows", "run", "line"]
    return subprocess.run(command, capture_output=True, check=False).returncode
