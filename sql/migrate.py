"""Bring a database to the newest schema: one migration a transaction, one migrator at a time.

The line may run meanwhile. A change of a table waits for those who read it, and everybody else
behind it: so that it waits for half a second at most, lets the line go on, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import LiteralString

import psycopg

import sql
from balise.errors import DatabaseDown

_LOCK = 0x62616C697365  # "balise": the advisory lock that lets one migrator run
_PAUSE_SECONDS = 1.0
_GIVE_UP_SECONDS = 600.0

Migrations = Mapping[int, tuple[str, LiteralString]]


def migrate(database_url: str, migrations: Migrations | None = None) -> list[str]:
    """Apply what is missing and return the names applied; doing it twice does nothing.

    DatabaseDown where somebody keeps a table for ten minutes.
    """
    applied: list[str] = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.get("migration.lock"), {"lock": _LOCK})
        connection.execute(sql.get("migration.create_table"))
        rows = connection.execute(sql.get("migration.applied")).fetchall()
        done = {int(row[0]) for row in rows}
        for number, (name, text) in (migrations or sql.migrations()).items():
            if number not in done:
                _come_again(connection, number, name, text)
                applied.append(name)
    return applied


def _come_again(
    connection: psycopg.Connection, number: int, name: str, text: LiteralString
) -> None:
    """Apply one migration, as often as it takes to get its locks."""
    until = time.monotonic() + _GIVE_UP_SECONDS
    while True:
        try:
            _apply(connection, number, name, text)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() > until:
                raise DatabaseDown(
                    f"somebody keeps a table that {name} changes: end it (pg_stat_activity says"
                    " who), and run `balise db migrate` again"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _apply(connection: psycopg.Connection, number: int, name: str, text: LiteralString) -> None:
    with connection.transaction():
        connection.execute(sql.get("migration.patience"))
        connection.execute(text)
        connection.execute(sql.get("migration.record"), {"number": number, "name": name})
