"""What runs by the clock is done without Prefect too, once it is overdue, and told as late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from balise.checkup import line as checkup
from balise.errors import BaliseError
from balise.settings import Settings
from balise.stack.ports import free
from bench.waiting import until_async
from flows import clockwork, plans, serve, steps
from sql import people

pytestmark = pytest.mark.stack

SCALE = "C0:00:00:00:00:01"
NINE_DAYS = timedelta(days=9)


@pytest.fixture
def silent(
    database: psycopg.Connection,
    database_url: str,
    weight: Callable[..., bytes],
    send: Callable[..., None],
) -> int:
    """Somebody whose last weight is nine days old."""
    now = datetime.now(UTC)
    subject = people.add_subject(database, "p-silent", pathway="heart_failure")
    people.give(database, SCALE, subject, since=now - timedelta(days=90))
    send(database, weight("80", now - NINE_DAYS), at=now - NINE_DAYS)
    steps.run_line(database_url, now - NINE_DAYS)
    return subject


def age(database: psycopg.Connection, flow: str, by: timedelta) -> None:
    """Have a flow been done so long ago."""
    database.execute(
        "INSERT INTO flow_done VALUES (%(flow)s, now() - %(by)s)"
        " ON CONFLICT (flow) DO UPDATE SET at = now() - %(by)s",
        {"flow": flow, "by": by},
    )


def rules(database: psycopg.Connection) -> list[str]:
    return [rule for (rule,) in database.execute("SELECT rule FROM signal")]


def made_up(settings: Settings) -> list[str]:
    return [due.flow for due in clockwork.DUE if clockwork.make_up(settings, due)]


def test_what_is_done_in_time_is_not_done_again(database_url: str):
    settings = Settings(database_url=database_url)
    assert made_up(settings) == []  # counted from the first look on
    assert made_up(settings) == []


@pytest.mark.parametrize("due", clockwork.DUE, ids=lambda one: one.flow)
def test_what_is_overdue_is_done_and_once(
    database: psycopg.Connection, database_url: str, due: clockwork.Due
):
    settings = Settings(database_url=database_url)
    made_up(settings)
    age(database, due.flow, due.after + timedelta(minutes=1))
    assert made_up(settings) == [due.flow]
    assert made_up(settings) == []


def test_each_plan_that_nothing_else_starts_is_among_them():
    by_the_clock = {one.flow for one in clockwork.DUE}
    started_by_readings = {one.name for one in serve.line.FLOWS} - {"assess"}
    planned = {one.flow.name for one in plans.PLANS if one.schedule}
    assert planned == by_the_clock | started_by_readings


def test_what_fails_is_tried_again_and_told(database: psycopg.Connection, database_url: str):
    settings = Settings(database_url=database_url, fhir_url="http://fhir.example.org/r4")
    made_up(settings)
    age(database, "deliver", timedelta(hours=2))
    age(database, "assess", timedelta(hours=2))
    assert made_up(settings) == ["assess"]
    with pytest.raises(BaliseError, match="deliver not done"):
        checkup.figures(settings)


def test_a_database_that_takes_nothing_ends_nothing(
    database: psycopg.Connection, database_url: str
):
    name = database.info.dbname
    database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    assert made_up(Settings(database_url=database_url)) == []
    away = f"postgresql://nobody:x@127.0.0.1:{free()}/balise"
    assert made_up(Settings(database_url=away)) == []


async def test_who_is_silent_is_told_though_prefect_is_away(
    database: psycopg.Connection, database_url: str, silent: int
):
    assert silent
    assert rules(database) == []
    age(database, "assess", timedelta(hours=1))
    away = {PREFECT_API_URL: f"http://127.0.0.1:{free()}/api"}
    with temporary_settings(away):
        settings = Settings(database_url=database_url)
        running = asyncio.create_task(serve.serve(settings, schedules=True))
        await until_async(lambda: rules(database) == ["silence"])
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
