"""What became of an import: read from the accounts once the flows have caught up."""

from __future__ import annotations

import time
from dataclasses import asdict

import psycopg

import sql
from balise.settings import Settings
from ingest.importer import GATEWAY
from sql import readings

_PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.2


def newest_batch(settings: Settings) -> int:
    """Return where the landing stands before an import."""
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute(sql.get("landing.newest_batch")).fetchone()
    return int(row[0]) if row else 0


def wait(settings: Settings, *, after: int, patience: float = _PATIENCE_SECONDS) -> dict[str, int]:
    """Wait until nothing waits to be validated, then return the import's account.

    `waiting` is not 0 where the flows did not catch up in time: is `balise flows serve` running?
    """
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        until = time.monotonic() + patience
        while (waiting := _waiting(connection)) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        account = readings.account(connection, gateway=GATEWAY, after=after)
    return {**asdict(account), "waiting": waiting}


def _waiting(connection: psycopg.Connection) -> int:
    row = connection.execute(sql.get("landing.waiting")).fetchone()
    return int(row[1]) if row else 0
