"""Which of a patient's devices counts, by command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from balise.errors import Exit
from flows.aggregate import recompute
from sql import people

pytestmark = pytest.mark.stack

PHONE, WATCH = "C0:00:00:00:00:0A", "C0:00:00:00:00:0B"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def walker(database: psycopg.Connection) -> int:
    """Somebody whose telephone and watch both count the steps of a day."""
    subject = people.add_subject(database, "p-one", pathway="observation")
    for device, hours in ((PHONE, 1), (WATCH, 2)):
        number = people.give(database, device, subject, since=NOON - timedelta(days=9))
        database.execute(
            "INSERT INTO series (device, metric, position, unit) VALUES (%s, 'step_count', 0, '1')",
            (number,),
        )
        database.execute(
            "INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
            " SELECT at, 0, %s, 0, %s, 100"
            " FROM generate_series(%s, %s, interval '1 hour') AS at",
            (number, subject, NOON, NOON + timedelta(hours=hours - 1)),
        )
    database.execute(
        "INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)"
        " SELECT subject, 'step_count', min(stamped_at)::date, min(stamped_at), max(stamped_at),"
        " max(stamped_at) FROM packed_reading GROUP BY subject"
    )
    recompute(database)
    return subject


def balise(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "balise", "devices", *words),
        env={**os.environ, "BALISE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def steps(database: psycopg.Connection) -> float:
    while recompute(database).windows:
        pass
    row = database.execute("SELECT sum FROM rollup WHERE size = 'day'").fetchone()
    assert row
    return float(row[0])


def test_a_device_is_preferred_and_unpreferred_with_who_and_why(
    database: psycopg.Connection, database_url: str, walker: int
):
    assert steps(database) == 200
    said = balise(database_url, "prefer", PHONE, "p-one", "--metric", "step_count", "--why", "lost")
    assert "1 days of a metric" in said.stdout, said.stderr
    assert steps(database) == 100
    assert balise(database_url, "prefer", WATCH.lower(), "p-one").returncode == Exit.OK
    assert steps(database) == 100
    assert balise(database_url, "unprefer", "p-one", "--metric", "step_count").returncode == Exit.OK
    assert steps(database) == 200

    told = json.loads(balise(database_url, "sources", "p-one", "--json").stdout)
    assert [(row["address"], row["counted"], row["reason"]) for row in told["devices"]] == [
        (PHONE, 0, "patient"),
        (WATCH, 1, ""),
    ]
    assert [(row["metric"], row["address"], row["why"]) for row in told["preferences"]] == [
        ("step_count", None, ""),
        ("", WATCH, ""),
        ("step_count", PHONE, "lost"),
    ]
    assert all(row["who"] for row in told["preferences"])
    assert "step_count" in balise(database_url, "sources", "p-one").stdout


def test_what_a_device_is_can_be_said_when_it_is_given(
    database: psycopg.Connection, database_url: str, walker: int
):
    done = balise(database_url, "give", WATCH, "p-one", "--model", "Activity_Monitor")
    assert done.returncode == Exit.OK, done.stderr
    row = database.execute("SELECT model FROM device WHERE address = %s", (WATCH,)).fetchone()
    assert row == ("activity_monitor",)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("prefer", PHONE, "nobody"), "no patient nobody"),
        (("prefer", "C0:00", "p-one"), "never p-one's"),
        (("prefer", PHONE, "p-one", "--metric", "steps"), "no metric steps"),
        (("give", PHONE, "p-one", "--model", "telephone"), "telephone"),
    ],
)
def test_what_is_not_there_is_said(
    database_url: str, walker: int, words: tuple[str, ...], says: str
):
    done = balise(database_url, *words)
    assert (done.returncode, says in " ".join(done.stderr.split())) == (Exit.USAGE, True)
