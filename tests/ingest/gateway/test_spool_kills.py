"""kill -9 and power cuts at any moment: what was said to be kept is there, once, and opens."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import IO

import pytest

from ingest.gateway import ranges
from ingest.gateway.spool import Spool

ROUNDS = 500
CUTS = 200
ENOUGH = 5000
"""Numbers after which a spool of 1 MB has had to make room."""
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)

# Forked from a parent that has everything imported: a life costs milliseconds. Every line it
# writes is a number that a commit has made safe.
CHILD = """
import os, random, sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.gateway.spool import Spool

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)

def live(path, chance, bounded):
    spool = Spool(path, 1 if bounded else None)
    given = spool.given()
    while True:
        many = chance.randint(1, 4)
        rest = b"x" * chance.randint(0, 400)
        spool.put(*(b"%d %s" % (given + 1 + one, rest) for one in range(many)))
        given = given + many if not bounded else spool.given()
        os.write(1, b"%d\\n" % given)
        if chance.random() < 0.1:
            spool.receipt([(1, given - chance.randint(0, 50))], NOW)
        if bounded and chance.random() < 0.05:
            spool.declare()

for line in sys.stdin:
    seed = int(line)
    child = os.fork()
    if child == 0:
        live(Path(sys.argv[1]), random.Random(seed), sys.argv[2] == "bounded")
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


@contextmanager
def nursery(path: Path, kind: str) -> Iterator[Callable[[int, float], int]]:
    """Give a function that lets one child live for some seconds and returns its last word."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        said, heard = parent.stdin, parent.stdout

        def one_life(seed: int, seconds: float) -> int:
            said.write(f"{seed}\n")
            said.flush()
            return last_word(heard, seconds)

        yield one_life
        said.close()


def last_word(heard: IO[str], seconds: float) -> int:
    last = pid = 0
    while not pid:
        word = heard.readline().split()
        last, pid = (last, int(word[1])) if word[0] == "pid" else (int(word[0]), pid)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    for line in iter(heard.readline, "dead\n"):
        last = int(line)
    return last


def test_500_kills_at_random_moments_lose_nothing_that_was_said_to_be_kept(tmp_path: Path):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)  # noqa: S311
    path = tmp_path / "spool.db"
    promised = checked = 0
    with nursery(path, "unbounded") as one_life:
        for number in range(ROUNDS):
            promised = max(promised, one_life(seed + number, chance.expovariate(40)))
            checked = whole_since(path, checked, promised)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        every = [int(body.split()[0]) for (body,) in db.execute("SELECT body FROM item")]
    assert every == list(range(1, checked + 1))
    assert checked > ROUNDS


def whole_since(path: Path, checked: int, promised: int) -> int:
    """Assert that each number after one is there once, up to what was promised at least."""
    with closing(sqlite3.connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'item'").fetchone():
            assert not promised
            return 0
        rows = db.execute("SELECT seq, body FROM item WHERE seq > ?", (checked,)).fetchall()
    found = [seq for seq, _ in rows]
    assert found == list(range(checked + 1, checked + 1 + len(rows)))
    assert [int(body.split()[0]) for _, body in rows] == found
    # A last one may be kept without its writer having lived to say so: one commit, no more.
    assert promised <= checked + len(rows) <= max(promised, checked) + 4
    return checked + len(rows)


def test_kills_while_a_full_spool_makes_room_leave_its_account_whole(tmp_path: Path):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)  # noqa: S311
    path = tmp_path / "spool.db"
    promised = 0
    with nursery(path, "bounded") as one_life:
        rounds = count()
        # A slow machine writes less in a life: it gets more of them, until there was room to make.
        while (number := next(rounds)) < ROUNDS // 5 or promised < ENOUGH:
            promised = max(promised, one_life(seed + number, chance.expovariate(15)))
            with closing(Spool(path, 1)) as spool:
                assert promised <= spool.given()
                assert spool._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                rows = ranges.of(row[0] for row in spool._db.execute("SELECT seq FROM item"))
                # What is not a row is forgotten or in a gap, and nothing is both.
                assert rows == ranges.merged(spool.missing(), spool._ledger.held())
                promised = spool.given()
    assert ranges.minus(((1, promised),), rows)


def test_power_cuts_that_tear_the_log_keep_every_commit_before_the_tear(tmp_path: Path):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)  # noqa: S311
    path, wal = tmp_path / "spool.db", tmp_path / "spool.db-wal"
    spool = Spool(path)
    spool.put(*[b"%d" % number for number in range(1, 400)])
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ends: list[tuple[int, int]] = [(0, 399)]
    while wal.stat().st_size < 1_000_000:
        given = spool.given()
        many = chance.randint(1, 5)
        spool.put(*(b"%d" % (given + 1 + one) for one in range(many)))
        ends.append((wal.stat().st_size, given + many))
    for number in range(CUTS):
        at = chance.randrange(wal.stat().st_size + 1)
        image = torn(tmp_path / f"cut-{number}", path, wal, at, chance)
        kept = max(given for end, given in ends if end <= at)
        assert opened(image) == list(range(1, kept + 1))
    spool.close()


def torn(folder: Path, path: Path, wal: Path, at: int, chance: random.Random) -> Path:
    """Return a copy whose log was written up to a byte; beyond, nothing or what was there."""
    folder.mkdir()
    log = wal.read_bytes()[:at]
    if chance.random() < 0.5:
        log += chance.randbytes(chance.randrange(1, 20_000))
    (folder / "spool.db-wal").write_bytes(log)
    shutil.copy(path, folder / "spool.db")
    return folder / "spool.db"


def opened(path: Path) -> list[int]:
    with closing(Spool(path)) as spool:
        assert spool._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = spool.newer(0, 1_000_000)
        assert [int(body) for _, body in rows] == [seq for seq, _ in rows]
        spool.put(b"more")
        assert spool.given() == len(rows) + 1
    shutil.rmtree(path.parent)
    return [seq for seq, _ in rows]


@pytest.mark.parametrize("cut", range(20))
def test_power_cuts_while_the_log_is_written_into_the_file_lose_nothing(tmp_path: Path, cut: int):
    chance = random.Random(cut)  # noqa: S311
    path, wal = tmp_path / "spool.db", tmp_path / "spool.db-wal"
    spool = Spool(path)
    spool.put(*[b"%d" % number for number in range(1, 3001)])
    before, log = path.read_bytes(), wal.read_bytes()
    spool._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    after = path.read_bytes()
    spool.close()
    image = tmp_path / "cut" / "spool.db"
    image.parent.mkdir()
    image.write_bytes(half_written(before, after, chance))
    image.with_name("spool.db-wal").write_bytes(log)
    assert opened(image) == list(range(1, 3001))


def half_written(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """Return a file of which some sectors are written and some are not yet."""
    sectors = range(0, max(len(before), len(after)), 512)
    old = before.ljust(len(after), b"\0")
    return b"".join((after if chance.random() < 0.5 else old)[at : at + 512] for at in sectors)
