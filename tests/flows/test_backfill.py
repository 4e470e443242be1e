"""A backfill: the figures of a fresh computation, however often it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from balise.errors import UsageError
from bench.waiting import until
from flows import backfill, steps
from sql import people

pytestmark = pytest.mark.stack

SINCE, UNTIL = date(2026, 1, 1), date(2026, 9, 30)
WINDOWS = 273 * 8


@pytest.fixture
def filled(database: psycopg.Connection, database_url: str) -> psycopg.Connection:
    """Eight patients with three readings a day for nine months, aggregated once."""
    for number in range(8):
        subject = people.add_subject(database, f"p-{number}", pathway="observation")
        people.give(database, f"C0:00:00:00:00:0{number}", subject, since=_START)
    database.execute(
        "INSERT INTO series (device, metric, position, unit)"
        " SELECT id, 'heart_rate', 0, '/min' FROM device"
    )
    database.execute(
        "INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
        " SELECT at, source_of(1, 0::smallint, 1::smallint), series.id, 0, assignment.subject,"
        " 60 + (extract(epoch FROM at)::bigint / 3600 + series.id) %% 41"
        " FROM series JOIN assignment ON assignment.device = series.device,"
        " generate_series(%s, %s, interval '8 hours') AS at",
        (_START + timedelta(hours=6), datetime(2026, 9, 30, 20, tzinfo=UTC)),
    )
    database.execute(
        "INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)"
        " SELECT subject, 'heart_rate', (taken_at AT TIME ZONE 'Europe/Paris')::date,"
        " min(stamped_at), max(stamped_at), max(taken_at) FROM reading GROUP BY 1, 3"
    )
    steps.run_line(database_url)
    return database


_START = datetime(2026, 1, 1, tzinfo=UTC)


def rollups(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT * FROM rollup ORDER BY subject, metric, size, bucket_start"
    ).fetchall()


def generations(database: psycopg.Connection) -> set[tuple[int, int]]:
    return set(database.execute("SELECT generation, done FROM dirty_window").fetchall())


def spoil(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Make every rollup of the period wrong; return what was there."""
    right = rollups(database)
    database.execute("UPDATE rollup SET mean = -1, n = n + 1 WHERE size = 'day'")
    database.execute("DELETE FROM rollup WHERE size = 'hour' AND subject = 3")
    return right


def test_a_backfill_gives_the_figures_of_a_fresh_computation(filled: psycopg.Connection):
    right = spoil(filled)
    told: list[tuple[int, int]] = []
    done = backfill.run(filled, SINCE, UNTIL, lambda *one: told.append(one))
    assert rollups(filled) == right
    assert done.windows == WINDOWS
    assert told[0] == (0, WINDOWS)
    assert told[-1] == (WINDOWS, WINDOWS)
    assert len(told) > 4


def test_days_outside_the_period_are_not_touched(filled: psycopg.Connection):
    assert backfill.run(filled, date(2026, 2, 1), date(2026, 2, 28)).windows == 28 * 8
    assert backfill.run(filled, date(2026, 2, 1), date(2026, 2, 28)).windows == 28 * 8
    assert generations(filled) == {(1, 1), (3, 3)}


def test_killed_in_the_middle_it_goes_on_and_does_nothing_twice(
    filled: psycopg.Connection, database_url: str
):
    right = spoil(filled)
    command = [sys.executable, "-m", "balise", "flows", "backfill"]
    command += ["--from", str(SINCE), "--to", str(UNTIL)]
    environment = {**os.environ, "BALISE_DATABASE_URL": database_url}
    for kill_after in (400, 1200):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        until(lambda after=kill_after: marked(filled) > after, poll=0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert rollups(filled) != right
    assert marked(filled) < WINDOWS

    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert rollups(filled) == right
    # Every window was marked once and recomputed once, in three runs.
    assert generations(filled) == {(2, 2)}
    assert "windows" in answer.stdout


def marked(database: psycopg.Connection) -> int:
    row = database.execute("SELECT coalesce(max(marked), 0) FROM backfill").fetchone()
    assert row
    return int(row[0])


def test_two_at_once_share_the_work(filled: psycopg.Connection, database_url: str):
    right = spoil(filled)
    command = [sys.executable, "-m", "balise", "flows", "backfill"]
    command += ["--from", str(SINCE), "--to", str(UNTIL)]
    environment = {**os.environ, "BALISE_DATABASE_URL": database_url}
    pair = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(timeout=120) for one in pair] == [0, 0]
    steps.run_line(database_url)
    assert rollups(filled) == right
    assert max(generations(filled)) <= (3, 3)


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match="2026-09-30 to 2026-01-01"):
        backfill.check(UNTIL, SINCE)
