"""From the release before to this one, with people in it: nothing lost, nothing told anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql as build

import sql
from sql import people, signals
from sql.migrate import migrate

pytestmark = pytest.mark.stack

BEFORE = 39
"""The newest migration of the release before."""
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
CLOSED = """
INSERT INTO signal (subject, rule, rule_version, episode, severity, period_start, period_end,
                    figures, evidence, state, changed_at)
VALUES (%s, 'weight_gain', 1, %s, 3, %s, %s, '{}', '[]', 'closed', %s) RETURNING id
"""
WHO_CLOSED = """
INSERT INTO signal_event (signal, who, state, reason) VALUES (%s, 'nurse', 'closed', 'called')
"""


@pytest.fixture
def before(endpoints: Any) -> Iterator[str]:
    """A database as the release before left it."""
    name = f"before_{os.getpid()}"
    create = build.SQL("CREATE DATABASE {} TEMPLATE template0").format(build.Identifier(name))
    drop = build.SQL("DROP DATABASE {} WITH (FORCE)").format(build.Identifier(name))
    with psycopg.connect(endpoints.database_url, autocommit=True) as server:
        server.execute(create)
        try:
            url = f"{endpoints.database_url.rpartition('/')[0]}/{name}"
            migrate(
                url, {number: one for number, one in sql.migrations().items() if number <= BEFORE}
            )
            yield url
        finally:
            server.execute(drop)


def fill(database: psycopg.Connection) -> int:
    """A patient whose name was corrected, with an alert that a nurse closed."""
    subject = people.add_subject(database, "p-before", pathway="heart_failure")
    people.set_identity(database, subject, family="Lefèvre", given="Œnone")
    database.execute("UPDATE identity SET given = 'Anne' WHERE subject = %s", (subject,))
    times = (NOW - timedelta(days=2), NOW, NOW)
    [(number,)] = database.execute(CLOSED, (subject, NOW.date(), *times)).fetchall()
    database.execute(WHO_CLOSED, (number,))
    return subject


def counts(database: psycopg.Connection) -> dict[str, int]:
    names = database.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND relname <> 'schema_migration'"
    ).fetchall()
    found: dict[str, int] = {}
    for (name,) in names:
        count = build.SQL("SELECT count(*) FROM {}").format(build.Identifier(name))
        found[name] = database.execute(count).fetchall()[0][0]
    return found


def test_an_upgrade_loses_nothing(before: str):
    with psycopg.connect(before, autocommit=True) as database:
        fill(database)
        held = counts(database)
        assert [held[name] for name in ("identity_revision", "signal", "signal_event")] == [1, 1, 1]
        assert migrate(before)
        after = counts(database)
        assert {name: after[name] for name in held} == held
        assert migrate(before) == []


def test_what_was_closed_before_is_not_told_anew(before: str):
    """How grave it was as somebody closed it nobody wrote down then: nothing is supposed of it."""
    with psycopg.connect(before, autocommit=True) as database:
        subject = fill(database)
        migrate(before)
        signal = signals.Signal(
            subject=subject,
            rule="weight_gain",
            rule_version=1,
            episode=NOW.date(),
            severity=3,
            grades={"gain": Decimal(9)},
            period_start=NOW - timedelta(days=2),
            period_end=NOW,
            figures={},
            evidence=(),
        )
        assert not signals.raise_signal(database, signal)


@pytest.mark.parametrize("said", ["lefevre", "OENONE", "p-before"])
def test_who_was_there_before_is_found(before: str, said: str):
    with psycopg.connect(before, autocommit=True) as database:
        subject = fill(database)
        database.execute("UPDATE identity SET given = 'Œnone' WHERE subject = %s", (subject,))
        migrate(before)
        found = database.execute(
            "SELECT subject FROM identity JOIN subject ON subject.id = subject"
            " WHERE is_called(family, given, code, birth_date, ARRAY[%s])",
            (said,),
        ).fetchall()
    assert found == [(subject,)]
