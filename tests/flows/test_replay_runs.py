"""A replay as something that runs: stopped, twice at once, beside validation, without bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from balise.errors import ReplayRuns
from flows import replay, steps
from flows.replay import Asked, Hand
from sql import people
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
HAND = Hand(who="nurse", why="a mended scale")
Weight = Callable[..., bytes]
Send = Callable[..., None]


def rows(database: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


def test_one_that_was_stopped_goes_on_unless_something_changed(
    database: psycopg.Connection,
    patient: int,
    lands: Callable[..., Accounting],
    weight: Weight,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(replay, "MESSAGES_AT_ONCE", 2)
    for day in range(6):
        lands(weight("80", NOW - timedelta(days=day)))
    asked = Asked(gateway="home-one")
    assert replay.replay(database, asked, HAND, limit=2).messages == 2
    other = replay.replay(database, Asked(device=1), HAND)
    assert (other.messages, other.gone_on_after) == (6, 0)
    rest = replay.replay(database, asked, HAND)
    assert (rest.messages, rest.gone_on_after, rest.finished) == (4, 2, True)
    assert replay.replay(database, asked, HAND, limit=4).messages == 4
    people.give(database, "another", patient, since=NOW)
    anew = replay.replay(database, asked, HAND)
    assert (anew.messages, anew.gone_on_after) == (6, 0)


def test_one_replay_at_a_time_and_the_second_is_told_of_the_first(
    database: psycopg.Connection,
    database_url: str,
    lands: Callable[..., Accounting],
    weight: Weight,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(replay, "_PATIENCE", 0.2)
    lands(weight("80", NOW))
    with psycopg.connect(database_url, autocommit=True) as other:
        seen: list[str] = []

        def meanwhile(_: int) -> None:
            with pytest.raises(ReplayRuns) as told:
                replay.replay(other, Asked(), HAND)
            seen.append(str(told.value))

        replay.replay(database, Asked(), Hand(who="first", why=""), progress=meanwhile)
    assert re.match(r"first replays since \d\d:\d\d", seen[0])


def test_messages_whose_bytes_are_no_longer_kept_are_said(
    database: psycopg.Connection, lands: Callable[..., Accounting], weight: Weight
):
    lands(weight("80", NOW))
    database.execute("DELETE FROM landing")
    assert replay.replay(database, Asked(refused=True), HAND).gone == 1
    assert rows(database, "SELECT state FROM refused") == [("new",)]


def test_validation_waits_for_a_replay_s_part_and_the_other_way_round(
    database: psycopg.Connection,
    database_url: str,
    patient: int,
    send: Send,
    weight: Weight,
):
    send(database, weight("80", NOW))
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock_shared(%s)", (replay.store.BESIDE_VALIDATE,))
        database.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            replay.replay(database, Asked(), HAND)
        assert steps.validate(database).accepted == 1
        other.rollback()
        other.execute("SELECT pg_advisory_xact_lock(%s)", (replay.store.BESIDE_VALIDATE,))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            steps.validate(database)
