"""kill -9 of a validate run in its transaction, and of either writer just before and after COMMIT.

A deferred trigger that waits for a lock of the test's holds a transaction inside its COMMIT: the
moments that chance meets once in thousands of kills are met here each time.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from bench.homes import Home
from bench.line import Line
from ingest.gateway.spool import Spool

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
KILLS = int(os.environ.get("BALISE_KILLS", "4"))
SOME, AT_ONCE = 5000, 100
RUN_SECONDS = 0.25
"""Less than the transaction of a run takes that has `SOME` readings before it."""

IN_HAND = (
    "SELECT count(*) FROM pg_locks"
    " WHERE relation = 'landing_batch'::regclass AND mode = 'RowShareLock'"
)
AT_COMMIT = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
LANDED = "SELECT count(*) FROM landing_batch"
VALIDATED = "SELECT count(*) FROM landing_batch WHERE validated_at IS NOT NULL"


def ask(line: Line, query: str) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def validating() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "balise", "flows", "run", "validate"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_a_validate_run_is_killed_in_its_transaction(
    line: Line, home: Home, chance: random.Random, until: Until, closed: Close
):
    starts = met = 0
    with (
        closing(Spool(home.spool_file)) as spool,
        home.online(),
        psycopg.connect(line.settings.database_url, autocommit=True) as watch,
    ):
        while met < KILLS and starts < 5 * KILLS:
            starts += 1
            for _ in range(SOME // AT_ONCE):
                home.give(spool, AT_ONCE)
            until(lambda: home.depth() == 0)
            run = validating()
            until(lambda run=run: in_hand(watch) or run.poll() is not None, pause=0.002)
            time.sleep(chance.uniform(0, RUN_SECONDS))
            met += in_hand(watch)
            ended(run)
        figures = closed(line, home)
    print(f"{starts} runs, {met} killed in their transaction; {figures}")  # noqa: T201
    assert met == KILLS


def in_hand(watch: psycopg.Connection) -> bool:
    """Say whether a run has batches in hand."""
    row = watch.execute(IN_HAND.encode()).fetchone()
    return bool(row and row[0])


class Held:
    """A transaction held in its COMMIT."""

    def __init__(self, database: psycopg.Connection, holder: psycopg.Connection) -> None:
        self._database, self._holder = database, holder

    def commit(self) -> None:
        self._holder.execute("SELECT pg_advisory_unlock(7)")

    def roll_back(self) -> None:
        """End its session, as PostgreSQL does with one whose client is gone."""
        self._database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
            " WHERE locktype = 'advisory' AND NOT granted"
        )


@contextmanager
def held_at_commit(line: Line, event: str) -> Iterator[Held]:
    """Hold whoever commits an INSERT or UPDATE of a batch."""
    url = line.settings.database_url
    with (
        psycopg.connect(url, autocommit=True) as database,
        psycopg.connect(url, autocommit=True) as holder,
    ):
        database.execute(
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END'"
        )
        database.execute(
            f"CREATE CONSTRAINT TRIGGER held AFTER {event} ON landing_batch"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION held()".encode()
        )
        holder.execute("SELECT pg_advisory_lock(7)")
        try:
            yield Held(database, holder)
        finally:
            holder.close()
            database.execute("DROP FUNCTION held CASCADE")


COMMITTED = pytest.mark.parametrize("committed", [False, True], ids=["undone", "done and untold"])


@COMMITTED
def test_the_receiver_is_killed_at_its_commit(
    line: Line, home: Home, until: Until, closed: Close, *, committed: bool
):
    """Done and untold: the rows are there, and neither broker nor gateway knows of it."""
    before = ask(line, LANDED)
    with closing(Spool(home.spool_file)) as spool, home.online():
        with held_at_commit(line, "INSERT") as held:
            home.give(spool, SOME)
            until(lambda: ask(line, AT_COMMIT))
            line.fleet.kill("receive")
            (held.commit if committed else held.roll_back)()
            until(lambda: not ask(line, AT_COMMIT))
        until(lambda: (ask(line, LANDED) > before) is committed)
        assert home.depth() == SOME
        figures = closed(line, home)
    print(figures)  # noqa: T201
    if committed:
        assert figures["duplicate"] > 0


@COMMITTED
def test_a_validate_run_is_killed_at_its_commit(
    line: Line, home: Home, until: Until, closed: Close, *, committed: bool
):
    with closing(Spool(home.spool_file)) as spool, home.online():
        home.give(spool, SOME)
        until(lambda: home.depth() == 0)
        before = ask(line, VALIDATED)
        with held_at_commit(line, "UPDATE") as held:
            run = validating()
            until(lambda: ask(line, AT_COMMIT))
            ended(run)
            (held.commit if committed else held.roll_back)()
            until(lambda: not ask(line, AT_COMMIT))
        until(lambda: (ask(line, VALIDATED) > before) is committed)
        closed(line, home)
