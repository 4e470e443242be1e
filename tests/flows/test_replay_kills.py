"""kill -9 of a replay while messages land and are validated: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from balise.errors import Exit
from flows import replay, steps
from flows.aggregate import Recomputed, recompute
from flows.replay import Asked, Hand
from sql import people

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
MESSAGES, FRAMES = 2000, 5
KILLS = 8
Weight = Callable[..., bytes]
Send = Callable[..., None]


@pytest.fixture
def landed(database: psycopg.Connection, weight: Weight, send: Send) -> psycopg.Connection:
    """Ten thousand weighings of one patient, some of them twice; the scale is another's by now."""
    for code in ("p-one", "p-two"):
        people.add_subject(database, code, pathway="observation")
    people.give(database, SCALE, 1, since=NOW - timedelta(days=200))
    for number in range(MESSAGES):
        at = NOW - timedelta(minutes=100 * number)
        frames = [weight(f"{70 + one}.5", at - timedelta(minutes=one)) for one in range(FRAMES)]
        send(database, *frames, *frames[: number % 2])
    steps.drain(lambda: steps.validate(database), steps.Accounting())
    people.give(database, SCALE, 2, since=NOW - timedelta(days=60))
    return database


def started(database_url: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "balise", "flows", "replay", "--device", SCALE, *arguments],
        env={**os.environ, "BALISE_DATABASE_URL": database_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def a_line_that_goes_on(database_url: str, weight: Weight, send: Send) -> Iterator[None]:
    """Messages that land and are validated all the while."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            number = 0
            while not over.is_set():
                at = NOW - timedelta(days=30, seconds=number)
                send(connection, weight("80", at), weight("81", at), weight("80", at))
                steps.validate(connection)
                number += 1

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def done_to(database: psycopg.Connection) -> int:
    row = database.execute("SELECT coalesce(max(done_to), 0) FROM replay").fetchone()
    return int(row[0]) if row else 0


def test_killed_anywhere_it_goes_on_and_ends_as_a_fresh_validation(
    landed: psycopg.Connection,
    database_url: str,
    weight: Weight,
    send: Send,
    unlike_a_fresh_validation: Callable[[psycopg.Connection], list[str]],
):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)  # noqa: S311
    reached = [0]
    with a_line_that_goes_on(database_url, weight, send):
        for _ in range(KILLS):
            process = started(database_url)
            while done_to(landed) == reached[-1] and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.2)
            process.send_signal(signal.SIGKILL)
            process.wait()
            reached.append(done_to(landed))
        print("killed at message", *reached[1:])  # noqa: T201
        assert reached == sorted(reached)
        assert len(set(reached)) > 2
        assert started(database_url).wait() == Exit.OK
    steps.drain(lambda: steps.validate(landed), steps.Accounting())
    moved = landed.execute(
        "SELECT count(*), count(DISTINCT (series, stamped_at, sequence)) FROM reading_revision"
        " WHERE old_subject = 1 AND new_subject = 2"
    ).fetchone()
    since = NOW - timedelta(days=60)
    belongs = landed.execute(
        "SELECT count(*) FROM reading WHERE taken_at >= %s AND landing <= %s", (since, MESSAGES)
    ).fetchone()
    assert belongs
    assert moved == (belongs[0], belongs[0])
    assert landed.execute(
        "SELECT count(*) FROM reading WHERE (subject = 2) <> (taken_at >= %s)", (since,)
    ).fetchone() == (0,)
    steps.drain(lambda: recompute(landed), Recomputed())
    assert unlike_a_fresh_validation(landed) == []
    hand = Hand(who="test", why="")
    assert replay.replay(landed, Asked(), hand).changed() == 0


def test_two_at_once_do_it_once(
    landed: psycopg.Connection,
    database_url: str,
    unlike_a_fresh_validation: Callable[[psycopg.Connection], list[str]],
):
    processes = [started(database_url) for _ in range(2)]
    ends = [process.wait() for process in processes]
    assert Exit.OK in ends
    assert set(ends) <= {Exit.OK, Exit.FAILED}
    counts = landed.execute(
        "SELECT count(*), count(DISTINCT (series, stamped_at, sequence)) FROM reading_revision"
    ).fetchone()
    assert counts
    assert counts[0] == counts[1] > 0
    steps.drain(lambda: recompute(landed), Recomputed())
    assert unlike_a_fresh_validation(landed) == []
