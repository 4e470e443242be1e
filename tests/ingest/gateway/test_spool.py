from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.gateway.spool import Spool, _between

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "spool.db"


def seqs(spool: Spool, now: datetime = NOW) -> list[int]:
    return [seq for seq, _ in spool.waiting(now, 60, 100)]


def test_what_is_put_waits_until_its_receipt(path: Path):
    spool = Spool(path)
    spool.put(b"a", b"b", b"c")
    assert spool.waiting(NOW, 60, 2) == [(1, b"a"), (2, b"b")]
    spool.receipt([(1, 2)], NOW)
    assert seqs(spool) == [3]
    assert (spool.depth(), spool.given()) == (1, 3)
    spool.close()


def test_what_was_sent_is_sent_again_after_a_minute_without_receipt(path: Path):
    spool = Spool(path)
    spool.put(b"a")
    spool.sent([1], NOW)
    assert seqs(spool, NOW + timedelta(seconds=59)) == []
    assert seqs(spool, NOW + timedelta(seconds=61)) == [1]
    spool.close()


def test_a_server_restored_to_an_older_point_gets_everything_again(path: Path):
    spool = Spool(path)
    spool.put(*[b"x"] * 10)
    spool.receipt([(1, 10)], NOW)
    assert spool.depth() == 0
    spool.receipt([(1, 4), (7, 7)], NOW)
    assert seqs(spool) == [5, 6, 8, 9, 10]
    spool.close()


def test_a_receipt_is_forgotten_after_a_week_and_numbers_never_come_again(path: Path):
    spool = Spool(path)
    spool.put(b"a", b"b")
    spool.receipt([(1, 2)], NOW)
    spool.forget(NOW + timedelta(days=6))
    spool.receipt([], NOW)
    assert spool.depth() == 2
    spool.receipt([(1, 2)], NOW)
    spool.forget(NOW + timedelta(days=8))
    spool.put(b"c")
    assert seqs(spool) == [3]
    spool.close()


def test_the_epoch_is_the_files(path: Path, tmp_path: Path):
    first, again, other = Spool(path), Spool(path), Spool(tmp_path / "other.db")
    assert first.epoch == again.epoch != other.epoch
    for spool in (first, again, other):
        spool.close()


def test_only_its_owner_reads_the_file(path: Path):
    Spool(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_commits_survive_a_power_cut_by_sqlites_own_promise(path: Path):
    spool = Spool(path)
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    spool.close()


@given(st.sets(st.integers(min_value=1, max_value=60)))
def test_gaps_and_ranges_are_everything_once(held: set[int]):
    ranges = [(number, number) for number in sorted(held)]
    gaps = {number for low, high in _between(ranges) for number in range(low, min(high, 60) + 1)}
    assert gaps == set(range(61)) - held


WRITER = """
import sys
from pathlib import Path
from ingest.gateway.spool import Spool
spool = Spool(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    spool.put(b"%d" % number)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_at_any_moment_loses_nothing_that_was_said_to_be_kept(path: Path, seed: int):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.01, 0.3))  # noqa: S311
        os.kill(writer.pid, signal.SIGKILL)
        said = 1 + len(writer.stdout.read().splitlines())
    with sqlite3.connect(path) as db:
        bodies = [int(row[0]) for row in db.execute("SELECT body FROM item ORDER BY seq")]
    db.close()
    # The last may be kept without its writer having lived to say so.
    assert bodies in (list(range(1, said + 1)), list(range(1, said + 2)))
