"""The schema changes while gateways send and flows run: nothing lost, and no long stall."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import LiteralString

import psycopg
import pytest

import sql
from bench.homes import Home
from bench.line import Line, running
from bench.waiting import PATIENCE_SECONDS
from flows import steps
from sql.migrate import migrate

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
A_SECOND = 500
BEFORE = 2
"""The last migration of before: there was a landing, and nothing read it yet."""
ROLES = 26
"""The migration from which on a receiver is a role of its own; it was the owner before."""
AS_BEFORE = """
DO $$
BEGIN
    CREATE ROLE balise_receive NOINHERIT;
EXCEPTION WHEN duplicate_object THEN NULL;
END
$$;
GRANT USAGE ON SCHEMA public TO balise_receive;
GRANT ALL ON ALL TABLES IN SCHEMA public TO balise_receive;
"""
CONSENT = 31
"""The migration from which on whom a device is given to is asked whether they agreed."""
AGREED = """
CREATE SCHEMA before;
CREATE FUNCTION before.given_anew(integer, smallint, timestamptz) RETURNS timestamptz
RETURN NULL::timestamptz;
CREATE FUNCTION before.withdrawn(integer) RETURNS tstzmultirange
RETURN '{}'::tstzmultirange;
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, before', current_database());
END
$$;
"""
"""What the enrolling of today asks a schema of before: nobody had withdrawn anything. The functions
of the migration are found first once they are there."""
STALL = 5.0
CHANGES: dict[int, tuple[str, LiteralString]] = {
    9001: (
        "9001_columns.sql",
        """
        ALTER TABLE landing ADD COLUMN colour text NOT NULL DEFAULT 'blue';
        ALTER TABLE landing_batch ADD COLUMN colour text;
        ALTER TABLE packed_reading ADD COLUMN colour smallint;
        """,
    ),
    9002: ("9002_index.sql", "CREATE INDEX reading_by_subject ON packed_reading (subject);"),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[Line]:
    with running(prefect=False, members=()) as started:
        yield started


def of_migrations(servers: Line, name: str, newest: int) -> Line:
    """Return a line on a database of its own, which was left at a migration."""
    with psycopg.connect(servers.settings.database_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    url = f"{servers.settings.database_url.rpartition('/')[0]}/{name}"
    migrate(url, {number: one for number, one in sql.migrations().items() if number <= newest})
    with psycopg.connect(url, autocommit=True) as owner:
        if newest < ROLES:
            owner.execute(AS_BEFORE.encode())
        if newest < CONSENT:
            owner.execute(AGREED.encode())
    return replace(servers, settings=servers.settings.model_copy(update={"database_url": url}))


@pytest.fixture
def line(servers: Line, request: pytest.FixtureRequest) -> Iterator[Line]:
    made = of_migrations(servers, f"of_{request.param}", request.param)
    made.fleet.add("receive", "receive", BALISE_DATABASE_URL=made.settings.database_url)
    made.wait_for_receiver()
    yield made
    made.fleet.stop()
    made.fleet.members.clear()


@contextmanager
def commits(line: Line) -> Iterator[list[float]]:
    """Note when the receiver commits, as it tells whoever listens."""
    times = [time.monotonic()]
    ended = threading.Event()

    def listen() -> None:
        with psycopg.connect(line.settings.database_url, autocommit=True) as database:
            database.execute(sql.get("flows.listen"))
            while not ended.is_set():
                times.extend(time.monotonic() for _ in database.notifies(timeout=0.2))

    thread = threading.Thread(target=listen)
    thread.start()
    yield times
    ended.set()
    thread.join()


def longest(times: list[float]) -> float:
    return max(later - one for one, later in pairwise(times))


@contextmanager
def validating(line: Line) -> Iterator[None]:
    """Run the flows all the while."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            steps.run_line(line.settings.database_url)

    with ThreadPoolExecutor() as threads:
        done = threads.submit(work)
        try:
            yield
        finally:
            ended.set()
        done.result()


@pytest.mark.parametrize("line", [BEFORE], indirect=True)
def test_every_migration_there_is_runs_beside_a_receiver(
    line: Line, home: Home, until: Until, closed: Close
):
    with home.online(), home.streaming(A_SECOND):
        until(lambda: home.given() > A_SECOND)
        began = time.monotonic()
        applied = migrate(line.settings.database_url)
        took = time.monotonic() - began
    assert len(applied) == len(sql.migrations()) - BEFORE
    with home.online():
        figures = closed(line, home)
    print(f"{len(applied)} migrations in {took:.1f} s; {figures}")  # noqa: T201


@pytest.mark.parametrize("line", [max(sql.migrations())], indirect=True)
def test_a_change_that_must_wait_for_a_reader_does_not_stop_the_line(
    line: Line, home: Home, until: Until, closed: Close
):
    """Whoever reads and then sits there holds up the change, and behind it nobody for long."""
    url = line.settings.database_url
    with home.online(), home.streaming(A_SECOND), validating(line), ThreadPoolExecutor() as one:
        with psycopg.connect(url) as reader, commits(line) as times:
            reader.execute("SELECT FROM landing, packed_reading, landing_batch LIMIT 1")
            until(lambda: len(times) > 5)
            change = one.submit(migrate, url, CHANGES)
            until(lambda: times[-1] - times[5] > 3 * STALL)
            assert not change.done()
        with commits(line) as after:
            assert change.result(PATIENCE_SECONDS) == [name for name, _ in CHANGES.values()]
            until(lambda: len(after) > 5)
    with home.online():
        closed(line, home)
    assert migrate(url, CHANGES) == []
    print(f"longest without a commit {longest(times):.2f} s, {longest(after):.2f} s")  # noqa: T201
    assert longest(times) < STALL
    assert longest(after) < STALL
