"""A record that a device sends with two values: one is the reading, the other stays visible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from devices.payloads import balise_v1
from flows import replay, report, steps
from flows.aggregate import Recomputed, recompute
from flows.differences import Kind
from flows.replay import Asked, Hand
from flows.work import Done, Waiting
from sql import mappings, people, readings
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
HAND = Hand(who="nurse", why="a mended mapping")
Unlike = Callable[[psycopg.Connection], list[str]]

MAPPING = """
name = "village"
title = "A scale's own application, which numbers what it sends"
source = "made up for this test"
time = {{format = "iso", path = "at"}}
sequence = "n"
value = [{{metric = "body_weight", path = "{path}", unit = "kg"}}]
[[sample]]
document = '{{"at": "2026-02-01T07:00:00Z", "n": 1, "kg": 80, "other": 81}}'
expect = {{body_weight = "{expect} kg"}}
"""


def record(number: int, kilograms: str, *, other: str = "81") -> bytes:
    text = f'{{"at": "{NOW.isoformat()}", "n": {number}, "kg": {kilograms}, "other": {other}}}'
    return balise_v1.encode_item(
        balise_v1.Item(device=SCALE, captured_at=NOW, convention="village", document=text)
    )


def reads(database: psycopg.Connection, path: str, expect: int) -> None:
    """Read the documents' weight from another of their fields from now on."""
    mappings.keep(database, "village", MAPPING.format(path=path, expect=expect))


@pytest.fixture(autouse=True)
def mapped(database: psycopg.Connection, patient: int) -> int:
    """The patient, whose scale's documents can be read."""
    reads(database, "kg", 80)
    return patient


def rows(database: psycopg.Connection, query: str) -> Sequence[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


HELD = "SELECT landing, value FROM reading"
AGAIN = "SELECT landing, value FROM duplicate ORDER BY landing, item"
ACCOUNTS = "SELECT batch, accepted, duplicate, conflicting FROM account ORDER BY batch"


def test_equal_duplicates_are_counted_and_conflicting_ones_kept(
    database: psycopg.Connection, lands: Callable[..., Accounting]
):
    assert lands(record(1, "80")) == Accounting(messages=1, landed=1, accepted=1)
    again = lands(record(1, "80"), record(1, "82"), record(1, "80.0"))
    assert again == Accounting(messages=1, landed=3, duplicate=3, conflicting=1)
    assert rows(database, HELD) == [(1, 80)]
    assert rows(database, AGAIN) == [(2, None), (2, 82), (2, None)]
    assert readings.account(database) == Accounting(
        messages=2, landed=4, accepted=1, duplicate=3, conflicting=1
    )


def test_a_message_that_contradicts_itself_is_one_reading_and_a_conflict(
    database: psycopg.Connection, lands: Callable[..., Accounting]
):
    account = lands(record(1, "80"), record(1, "82"), record(2, "82"))
    assert account == Accounting(messages=1, landed=3, accepted=2, duplicate=1, conflicting=1)
    assert rows(database, AGAIN) == [(1, 82)]


def test_an_account_of_more_conflicts_than_duplicates_is_refused(
    database: psycopg.Connection, lands: Callable[..., Accounting]
):
    lands(record(1, "80"))
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE account SET conflicting = 1")


def test_a_reading_of_another_value_settles_what_others_say_of_it(
    database: psycopg.Connection, lands: Callable[..., Accounting]
):
    """The first message alone is read anew: what agreed contradicts now, and conversely."""
    lands(record(1, "80", other="82"))
    lands(record(1, "80"), record(1, "82"))
    reads(database, "other", 81)
    replay.replay(database, Asked(messages=(1,)), HAND)
    assert rows(database, HELD) == [(1, 82)]
    assert rows(database, AGAIN) == [(2, 80), (2, None)]
    assert rows(database, ACCOUNTS) == [(1, 1, 0, 0), (2, 0, 2, 1)]


def test_a_replay_ends_where_a_fresh_validation_begins(
    database: psycopg.Connection,
    lands: Callable[..., Accounting],
    unlike_a_fresh_validation: Unlike,
):
    lands(record(1, "80", other="82"))
    lands(record(1, "80"), record(1, "82", other="82"))
    reads(database, "other", 81)
    done = replay.replay(database, Asked(), HAND)
    assert done.counts[Kind.DUPLICATE, "body_weight"] == 1
    assert done.counts[Kind.CONFLICTING, "body_weight"] == 1
    assert rows(database, HELD) == [(1, 82)]
    assert rows(database, AGAIN) == [(2, 81), (2, None)]
    steps.drain(lambda: recompute(database), Recomputed())
    assert unlike_a_fresh_validation(database) == []


def test_the_earlier_landed_holds_although_it_is_known_later(
    database: psycopg.Connection,
    mapped: int,
    lands: Callable[..., Accounting],
    unlike_a_fresh_validation: Unlike,
):
    database.execute("DELETE FROM assignment")
    assert lands(record(1, "80")).refused == 1
    people.give(database, SCALE, mapped, since=NOW - timedelta(days=1))
    lands(record(1, "82"))
    assert rows(database, HELD) == [(2, 82)]
    replay.replay(database, Asked(refused=True), HAND)
    assert rows(database, HELD) == [(1, 80)]
    assert rows(database, AGAIN) == [(2, 82)]
    assert rows(database, ACCOUNTS) == [(1, 1, 0, 0), (2, 0, 1, 1)]
    steps.drain(lambda: recompute(database), Recomputed())
    assert unlike_a_fresh_validation(database) == []


def test_two_validations_at_once_count_a_conflict_once(
    database: psycopg.Connection, database_url: str, send: Callable[..., None]
):
    send(database, record(1, "80"))
    send(database, record(1, "82"))
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM landing_batch WHERE id = 1 FOR UPDATE")
        assert steps.validate(database).accepted == 1
        assert rows(database, HELD) == [(2, 82)]
    assert steps.validate(database) == Accounting(messages=1, landed=1, duplicate=1, conflicting=1)
    assert rows(database, AGAIN) == [(1, 80)]


def test_a_run_says_how_many_conflict():
    account = Accounting(messages=1, landed=3, accepted=1, duplicate=2, conflicting=1)
    done = Done(account, Accounting(), before=Waiting(1, free=True), held=0)
    assert report.message(report.VALIDATE, done).endswith("refused 0, conflicting 1")
    assert "1 said another value" in report.markdown(report.VALIDATE, done, "validate")


def test_values_compare_as_numbers(database: psycopg.Connection, lands: Callable[..., Accounting]):
    lands(record(1, "36.5"))
    again = lands(record(1, "36.50"), record(1, "36.51"))
    assert (again.duplicate, again.conflicting) == (2, 1)
