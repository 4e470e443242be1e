"""How long raw payloads are kept: whole days are dropped, and what is still needed of them stays.

Readings and rollups are kept. A day whose bytes are gone is remembered, so that a reading says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

import sql

_LOCK = 0x62616C697366  # beside the migrator's: one run drops at a time

Day = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What became of landing's old days; a message may be needed for several reasons."""

    days: int = 0
    messages: int = 0
    bytes: int = 0
    kept: int = 0
    unvalidated: int = 0
    refused: int = 0
    evidence: int = 0
    busy: int = 0
    """Days that somebody was reading for too long; they wait for the next run."""

    def __add__(self, other: Dropped) -> Dropped:
        return Dropped(
            self.days + other.days,
            self.messages + other.messages,
            self.bytes + other.bytes,
            self.kept + other.kept,
            self.unvalidated + other.unvalidated,
            self.refused + other.refused,
            self.evidence + other.evidence,
            self.busy + other.busy,
        )


def drop_old(
    connection: psycopg.Connection,
    now: datetime,
    *,
    months: int,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Dropped:
    """Drop the days of landing that are older than `months`, each in a transaction of its own.

    Needs an autocommit connection. What is needed of a day goes back into it.
    """
    keys = {"now": now, "months": months}
    days: list[Day] = connection.execute(sql.get("retention.old_days"), keys).fetchall()
    total = Dropped()
    for number, day in enumerate(days, 1):
        try:
            with connection.transaction(force_rollback=dry_run):
                total += _drop(connection, day, now, dry_run=dry_run)
        except psycopg.errors.LockNotAvailable:
            # A backup, say. Whoever comes after the drop would wait behind it, day after day.
            return total + Dropped(busy=len(days) - number + 1)
        progress(number, len(days))
    return total


def _drop(connection: psycopg.Connection, day: Day, now: datetime, *, dry_run: bool) -> Dropped:
    range_ = {"received_from": day[0], "received_to": day[1]}
    connection.execute(sql.get("retention.wait_briefly"))
    connection.execute(sql.get("retention.lock"), {"lock": _LOCK})
    messages, id_from, id_to = _row(connection, "retention.day", range_)
    connection.execute(sql.get("retention.find_needed"), range_)
    kept, unvalidated, refused, evidence = _row(connection, "retention.count_needed")
    held = Dropped(kept=kept, unvalidated=unvalidated, refused=refused, evidence=evidence)
    if kept == messages:
        return held
    (size,) = _row(connection, "retention.size_of_day", range_)
    if not dry_run:
        connection.execute(sql.get("retention.set_aside"), range_)
        connection.execute(sql.get("retention.drop_day"), range_)
        connection.execute(sql.get("retention.put_back"))
        ids = {"id_from": id_from, "id_to": id_to}
        said = {"now": now, "messages": messages}
        connection.execute(sql.get("retention.remember"), range_ | ids | said)
    return held + Dropped(days=1, messages=messages - kept, bytes=size)


def _row(
    connection: psycopg.Connection, query: str, keys: dict[str, Any] | None = None
) -> tuple[Any, ...]:
    row = connection.execute(sql.get(query), keys).fetchone()
    return row or ()


def pack(connection: psycopg.Connection, *, days: int) -> str:
    """Let the Community edition pack landing by column after `days`; return the edition.

    The Apache edition has no columnstore, and nothing rests on it.
    """
    (edition,) = _row(connection, "retention.edition")
    if edition == "timescale" and _row(connection, "retention.columnstore_days") != (days,):
        connection.execute(sql.get("retention.pack"), {"days": days})
    return str(edition)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the tables take on the disk, in bytes with their indexes."""

    edition: str
    readings: int
    messages: int
    tables: dict[str, int]

    @property
    def per_million(self) -> dict[str, int]:
        """Bytes of each table for a million readings; empty where there is none yet."""
        if not self.readings:
            return {}
        return {name: round(size * 1_000_000 / self.readings) for name, size in self.tables.items()}


def sizes(connection: psycopg.Connection) -> Sizes:
    """Measure the large tables."""
    (edition,) = _row(connection, "retention.edition")
    readings, messages = _row(connection, "retention.counts")
    tables: dict[str, int] = dict(connection.execute(sql.get("retention.sizes")).fetchall())
    return Sizes(str(edition), readings, messages, tables)
