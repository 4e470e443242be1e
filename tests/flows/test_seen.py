"""What the worklist keeps of a patient's readings is what the readings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from care.web import pages
from flows import replay, steps
from flows.replay import Asked, Hand
from sql import people
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
Lands = Callable[..., Accounting]

FROM_READINGS = """
SELECT max(taken_at), count(DISTINCT (taken_at AT TIME ZONE 'Europe/Paris')::date)
    FILTER (WHERE (taken_at AT TIME ZONE 'Europe/Paris')::date
                  > (%s AT TIME ZONE 'Europe/Paris')::date - 7)
FROM reading
"""


def said(database: psycopg.Connection, now: datetime = NOW) -> tuple[Any, ...]:
    """Return what the worklist says of the last reading and the days of the week, as it should."""
    (row,) = pages.worklist(database, now).rows
    kept = (row["last_reading_at"], row["days_of_7"])
    assert database.execute(FROM_READINGS, (now,)).fetchone() == kept
    return kept


@pytest.fixture(autouse=True)
def followed(database: psycopg.Connection) -> int:
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    people.set_identity(database, subject, family="Secret", given="Name")
    people.give(database, SCALE, subject, since=NOW - timedelta(days=400))
    return subject


def test_who_never_measured_has_no_last_reading(database: psycopg.Connection):
    assert said(database) == (None, 0)


def test_the_last_reading_and_the_days_of_a_week(
    database: psycopg.Connection,
    database_url: str,
    lands: Lands,
    weight: Callable[..., bytes],
):
    def weighed(*days: int) -> None:
        lands(*(weight("70", NOW - timedelta(days=day)) for day in days))
        steps.run_line(database_url, NOW)

    weighed(300)
    assert said(database) == (NOW - timedelta(days=300), 0)
    weighed(6, 7, 2, 20)
    assert said(database) == (NOW - timedelta(days=2), 2)
    # Late, and of another moment of a day that counts already.
    lands(weight("70", NOW - timedelta(days=2, hours=3)))
    weighed(5)
    assert said(database) == (NOW - timedelta(days=2), 3)
    assert said(database, NOW + timedelta(days=3)) == (NOW - timedelta(days=2), 1)


def test_what_is_nobodys_any_more_is_not_seen(
    database: psycopg.Connection,
    database_url: str,
    lands: Lands,
    weight: Callable[..., bytes],
):
    lands(weight("70", NOW - timedelta(days=3)), weight("71", NOW - timedelta(days=1)))
    steps.run_line(database_url, NOW)
    database.execute(
        "UPDATE assignment SET during = tstzrange(lower(during), %s)", (NOW - timedelta(days=2),)
    )
    replay.replay(database, Asked(), Hand(who="nurse", why="given back"))
    steps.run_line(database_url, NOW)
    assert said(database) == (NOW - timedelta(days=3), 1)
