"""Bring a database to the newest schema: one migration a transaction, one migrator at a time."""

from __future__ import annotations

import psycopg

import sql

_LOCK = 0x62616C697365  # "balise": the advisory lock that lets one migrator run


def migrate(database_url: str) -> list[str]:
    """Apply what is missing and return the names applied; doing it twice does nothing."""
    applied: list[str] = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.get("migration.lock"), {"lock": _LOCK})
        connection.execute(sql.get("migration.create_table"))
        rows = connection.execute(sql.get("migration.applied")).fetchall()
        done = {int(row[0]) for row in rows}
        for number, (name, text) in sql.migrations().items():
            if number not in done:
                with connection.transaction():
                    connection.execute(text)
                    connection.execute(
                        sql.get("migration.record"), {"number": number, "name": name}
                    )
                applied.append(name)
    return applied
