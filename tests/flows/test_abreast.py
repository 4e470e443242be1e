"""Two connections that validate at once: each takes other batches; nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

import sql
from flows import abreast, steps
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MESSAGES = 200

Weight = Callable[[str, datetime], bytes]
Send = Callable[..., None]


@pytest.fixture
def landed(database: psycopg.Connection, patient: int, weight: Weight, send: Send) -> None:
    """Messages of a weight each; every tenth says again what the one before it said."""
    for number in range(MESSAGES):
        said = number - (number % 10 == 9)
        send(database, weight("80.0", NOW - timedelta(minutes=said)))


@pytest.mark.usefixtures("landed")
def test_a_crowd_is_worked_off_on_two_connections(
    database: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    took, validate = Counter[int](), steps.validate

    def counted(connection: psycopg.Connection) -> Accounting:
        found = validate(connection)
        took[connection.info.backend_pid] += found.messages
        return found

    monkeypatch.setattr(steps, "MESSAGES_AT_ONCE", 1)
    monkeypatch.setattr(steps, "validate", counted)
    monkeypatch.setitem(abreast._CROWDED, "messages", 2)
    done = abreast.validate(database, database_url)
    assert done.counts == Accounting(
        messages=MESSAGES, landed=MESSAGES, accepted=MESSAGES * 9 // 10, duplicate=MESSAGES // 10
    )
    assert done.held == 0
    assert (len(took), took.total()) == (2, MESSAGES)
    assert database.execute("SELECT count(*) FROM reading").fetchone() == (MESSAGES * 9 // 10,)


@pytest.mark.usefixtures("landed")
def test_few_that_wait_are_worked_off_on_one(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(abreast._CROWDED, "messages", MESSAGES + 1)
    assert abreast.validate(database, "no database").counts.messages == MESSAGES


@pytest.mark.usefixtures("landed")
def test_no_more_batches_are_held_than_are_taken(database: psycopg.Connection, database_url: str):
    def take(connection: psycopg.Connection, messages: int) -> list[int]:
        enough = {"messages": messages, "bytes": 1 << 20}
        return [one for one, _ in connection.execute(sql.get("landing.take_batches"), enough)]

    with psycopg.connect(database_url) as other, database.transaction():
        assert take(other, 3) == [1, 2, 3]
        assert take(database, 2) == [4, 5]


def test_of_two_that_wait_for_each_other_one_begins_anew(
    database: psycopg.Connection, database_url: str, patient: int, weight: Weight, send: Send
):
    send(database, weight("80.0", NOW))
    assert steps.validate(database).accepted == 1
    send(database, weight("81.0", NOW + timedelta(minutes=1)))
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as beside:
        other.execute("SET deadlock_timeout = '30s'")
        other.execute("SELECT FROM dirty_window FOR UPDATE")
        validated = beside.submit(steps.validate, database)
        _until_it_waits(other)
        other.execute("SELECT FROM landing_batch WHERE validated_at IS NULL FOR UPDATE")
        assert validated.result() == Accounting()
    assert steps.validate(database).accepted == 1


def _until_it_waits(other: psycopg.Connection) -> None:
    while True:
        row = other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        if row != (0,):
            return
