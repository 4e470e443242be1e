"""`balise doctor`: each part, whether it answers, and what to do where it doesn't."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

import sql
from balise.errors import BaliseError
from balise.finding import Finding
from balise.settings import Settings

_LATE = timedelta(minutes=10)
_TIMEOUT = 3.0


def check(settings: Settings, parts: Sequence[str]) -> list[Finding]:
    """Return how each of these parts is."""
    return [_try(part, CHECKS[part], settings) for part in parts]


def _try(part: str, one: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(part, ok=True, says=one(settings))
    except (psycopg.Error, OSError, BaliseError, urllib.error.URLError) as error:
        return Finding(part, ok=False, says=str(error).strip().splitlines()[0])


def _database(settings: Settings) -> str:
    if not settings.database_url:
        raise BaliseError("BALISE_DATABASE_URL is not set; `balise up` starts a database")
    with psycopg.connect(settings.database_url, connect_timeout=3) as connection:
        rows = connection.execute(sql.get("migration.applied")).fetchall()
    missing = sql.migrations().keys() - {int(row[0]) for row in rows}
    if missing:
        raise BaliseError(f"{len(missing)} migrations are missing: run `balise db migrate`")
    return f"schema at {len(rows)}"


def _broker(settings: Settings) -> str:
    from ingest.mqtt import Broker

    broker = Broker(settings)
    with socket.create_connection((broker.host, broker.port), timeout=_TIMEOUT):
        return f"{broker.host}:{broker.port} answers"


def _flows(settings: Settings) -> str:
    with psycopg.connect(settings.database_url, connect_timeout=3) as connection:
        row = connection.execute(sql.get("landing.waiting")).fetchone()
    batches, messages, oldest = row or (0, 0, None)
    if oldest is not None and datetime.now(UTC) - oldest > _LATE:
        raise BaliseError(
            f"{messages} messages wait since {oldest:%Y-%m-%d %H:%M}: is `balise flows serve` up?"
        )
    return f"{batches} batches wait"


def _prefect(_settings: Settings) -> str:
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        raise BaliseError("PREFECT_API_URL is not set; flows run without Prefect")
    with urllib.request.urlopen(f"{url}/health", timeout=_TIMEOUT):  # noqa: S310 - our own setting
        return f"{url} answers"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "database": _database,
    "broker": _broker,
    "flows": _flows,
    "prefect": _prefect,
}
"""The parts, in the order in which a mend makes sense."""
