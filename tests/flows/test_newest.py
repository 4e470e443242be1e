"""The newest readings of a page are the newest, however many a day has, whatever is computed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from flows import steps
from sql import people, readings

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:E1"
BRUTE = """
SELECT taken_at, value FROM reading WHERE subject = %s AND taken_at >= %s
ORDER BY taken_at DESC LIMIT %s
"""


@pytest.fixture
def weighed(
    database: psycopg.Connection,
    database_url: str,
    weight: Callable[..., bytes],
    send: Callable[..., None],
) -> int:
    """Forty weighings on one day and one on others, to some of which no figure has come yet."""
    subject = people.add_subject(database, "p-newest", pathway="observation")
    people.give(database, SCALE, subject, since=NOW - timedelta(days=90))
    often = [NOW - timedelta(days=3, minutes=5 * number) for number in range(40)]
    seldom = [NOW - timedelta(days=day) for day in (0, 1, 2, 9, 20, 45)]
    for number, at in enumerate([*often, *seldom]):
        send(database, weight(f"7{number % 10}.{number // 10}05", at, device=SCALE))
    steps.run_line(database_url, NOW)
    for hours in (1, 30, 24 * 8):
        send(database, weight(f"6{hours % 10}.005", NOW - timedelta(hours=hours), device=SCALE))
    steps.validate(database)
    return subject


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 8, 44, 200])
@pytest.mark.parametrize("days", [1, 7, 60])
def test_the_newest_readings_are_found(
    database: psycopg.Connection,
    database_url: str,
    weighed: int,
    days: int,
    limit: int,
    computed: bool,  # noqa: FBT001 - a column of the table above
):
    if computed:
        steps.run_line(database_url, NOW)
    since = NOW - timedelta(days=days)
    found = readings.newest(database, weighed, "body_weight", since=since, limit=limit)
    expected = database.execute(BRUTE.encode(), (weighed, since, limit)).fetchall()
    assert [(row["taken_at"], row["value"]) for row in found] == expected
    assert expected


def test_what_is_another_s_now_hides_nothing_that_is_the_patient_s(
    database: psycopg.Connection,
    database_url: str,
    weighed: int,
    weight: Callable[..., bytes],
    send: Callable[..., None],
):
    """A scale that was given to the wrong patient, by mistake from its first day on."""
    wrong, since = "C0:00:00:00:00:E2", NOW - timedelta(days=90)
    people.give(database, wrong, weighed, since=since)
    for number in range(20):
        send(database, weight("99.005", NOW - timedelta(minutes=3 * number), device=wrong))
    steps.run_line(database_url, NOW)
    other = people.add_subject(database, "p-other", pathway="observation")
    people.give(database, wrong, other, since=since)
    found = readings.newest(database, weighed, "body_weight", since=since, limit=8)
    assert len(found) == 8
    assert {row["address"] for row in found} == {SCALE}
