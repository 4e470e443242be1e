"""A backfill shared by two processes under Prefect and Dask: the tables of one that is alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from balise.errors import UsageError
from bench.line import Line, running
from flows import backfill, spread, steps
from sql import people

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SINCE, UNTIL = date(2026, 1, 1), date(2026, 6, 30)
PATIENTS, DAYS = 8, 181
SHARED = """
import asyncio
from datetime import date
from flows.housekeeping import backfill
asyncio.run(backfill(date(2026, 1, 1), date(2026, 6, 30), workers=2))
"""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=True, members=()) as started:
        yield started


@pytest.fixture
def filled(line: Line) -> Iterator[psycopg.Connection]:
    """Patients in two zones with a reading every two hours for half a year, aggregated."""
    since = datetime(2025, 12, 31, 23, tzinfo=UTC)
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        for number in range(PATIENTS):
            subject = people.add_subject(database, f"p-{number}", pathway="observation")
            people.give(database, f"C0:00:00:00:00:0{number}", subject, since=since)
        database.execute("UPDATE subject SET time_zone = 'America/St_Johns' WHERE id % 2 = 0")
        database.execute(
            "INSERT INTO series (device, metric, position, unit)"
            " SELECT id, 'heart_rate', 0, '/min' FROM device"
        )
        database.execute(
            "INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
            " SELECT at, source_of(1, 0::smallint, 1::smallint), series.id, 0, assignment.subject,"
            " 60 + (extract(epoch FROM at)::bigint / 7200 * 7 + series.id) %% 41 / 10.0"
            " FROM series JOIN assignment ON assignment.device = series.device,"
            " generate_series(%s, %s, interval '2 hours') AS at",
            (since + timedelta(hours=5), datetime(2026, 6, 30, 20, tzinfo=UTC)),
        )
        database.execute(
            "INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)"
            " SELECT reading.subject, 'heart_rate', (taken_at AT TIME ZONE time_zone)::date,"
            " min(stamped_at), max(stamped_at), max(taken_at)"
            " FROM reading JOIN subject ON subject.id = reading.subject GROUP BY 1, 3"
        )
        steps.run_line(line.settings.database_url)
        yield database


def rollups(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT * FROM rollup ORDER BY subject, metric, size, bucket_start"
    ).fetchall()


@pytest.mark.skipif(
    importlib.util.find_spec("prefect_dask") is None,
    reason="no Dask here: uv pip install --require-hashes -r requirements/dask.txt",
)
def test_two_processes_make_the_tables_of_one(line: Line, filled: psycopg.Connection):
    filled.execute("UPDATE rollup SET mean = -1")
    backfill.run(filled, SINCE, UNTIL)
    alone = rollups(filled)
    filled.execute("DELETE FROM rollup WHERE subject % 3 = 0")
    filled.execute("UPDATE rollup SET mean = -1, n = n + 1")

    subprocess.run([sys.executable, "-c", SHARED], check=True, timeout=120)
    assert rollups(filled) == alone
    assert len(alone) > PATIENTS * DAYS * 12
    # Each window was recomputed three times in all: each process took what the other had not.
    assert filled.execute("SELECT DISTINCT generation, done FROM dirty_window").fetchall() == [
        (3, 3)
    ]
    url = f"{line.stack.endpoints.prefect_api_url}/task_runs/filter"
    shown = httpx.post(url, json={}, timeout=20).raise_for_status().json()
    parts = {one["name"]: one["state_type"] for one in shown if one["name"].startswith("share")}
    assert parts == {"share 1": "COMPLETED", "share 2": "COMPLETED"}


async def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(UsageError, match=r"requirements/dask\.txt"):
        await spread.over(backfill.Backfill(1, 0, 0), 2)
