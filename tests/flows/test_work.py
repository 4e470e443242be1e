"""Runs at once: each takes what the other has not, and says what the other has."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from flows import report
from flows.aggregate import Recomputed
from flows.work import Done, Waiting, work_off

pytestmark = pytest.mark.stack


def recompute(connection: psycopg.Connection) -> Recomputed:
    """A step like aggregate: one window a transaction, whoever has the others."""
    done = connection.execute(
        "UPDATE dirty_window SET done = generation WHERE ctid IN (SELECT ctid FROM dirty_window"
        " WHERE done < generation LIMIT 1 FOR UPDATE SKIP LOCKED)"
    ).rowcount
    return Recomputed(windows=done)


def dirty(database: psycopg.Connection, count: int) -> None:
    database.execute(
        "INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)"
        " SELECT number, 'heart_rate', date '2026-11-20' + number, now(), now(), now()"
        " FROM generate_series(1, %s) AS number",
        (count,),
    )


def work(database: psycopg.Connection) -> Done[Recomputed]:
    return work_off(database, "flows.waiting_windows", recompute, Recomputed())


def test_a_run_beside_another_takes_the_others_and_says_so(
    database: psycopg.Connection, database_url: str
):
    dirty(database, 5)
    with psycopg.connect(database_url) as other, other.transaction():
        other.execute("SELECT FROM dirty_window WHERE subject <= 2 FOR UPDATE")
        done = work(database)
        assert (done.counts.windows, done.held) == (3, 2)
        said = report.message(report.AGGREGATE, done)
        assert said.startswith("another run has 2 windows; took the others: windows 3")
        again = work(database)
        assert report.message(report.AGGREGATE, again) == (
            "another run has 2 windows; nothing to do"
        )
    assert work(database).counts.windows == 2
    assert report.message(report.AGGREGATE, work(database)) == "nothing to do"


def test_the_look_at_what_is_free_leaves_it_free(database: psycopg.Connection, database_url: str):
    dirty(database, 1)
    with psycopg.connect(database_url, autocommit=True) as other:
        for _ in range(20):
            work_off(other, "flows.waiting_windows", lambda _: Recomputed(), Recomputed())
            database.execute("SELECT FROM dirty_window FOR UPDATE NOWAIT")


def test_a_run_is_called_after_its_window(database: psycopg.Connection):
    dirty(database, 3)
    done = work(database)
    assert done.before == Waiting(3, free=True, since=date(2026, 11, 21), until=date(2026, 11, 23))
