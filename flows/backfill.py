"""Recompute a period: its windows are marked a few at a time, and aggregated as any others.

How far it is stands in the database, so that one that is killed goes on from there, and two at
once share the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import psycopg

import sql
from balise.errors import UsageError
from flows.aggregate import Recomputed, recompute
from flows.steps import drain

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill: the windows of its period when it began, and how many are marked so far."""

    id: int
    windows: int
    marked: int


def check(since: date, until: date) -> None:
    """Refuse a period that ends before it begins."""
    if until < since:
        raise UsageError(f"the period ends before it begins: {since} to {until}")


def begin(connection: psycopg.Connection, since: date, until: date) -> Backfill:
    """Return the backfill of a period that was cut short, or a new one."""
    keys = {"since": since, "until": until}
    row = connection.execute(sql.get("backfill.begin"), keys).fetchone()
    if row is None:
        raise LookupError("the database gave no row for a backfill")
    return Backfill(*row)


def share(
    connection: psycopg.Connection,
    backfill: Backfill,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Recomputed:
    """Recompute what nobody has taken yet, until nothing is left; any number may share.

    `progress` is told the windows that are taken so far by anybody, and all of them. Needs an
    autocommit connection: each portion is safe when it is done.
    """
    progress(backfill.marked, backfill.windows)
    # What a run that was killed had marked comes first.
    total = drain(lambda: recompute(connection), Recomputed())
    while marked := _mark(connection, backfill):
        total += drain(lambda: recompute(connection), Recomputed())
        progress(marked, max(marked, backfill.windows))
    return total


def finish(connection: psycopg.Connection, backfill: Backfill) -> None:
    """End a backfill: the next one of its period begins anew."""
    connection.execute(sql.get("backfill.finish"), {"backfill": backfill.id})


def run(
    connection: psycopg.Connection,
    since: date,
    until: date,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Recomputed:
    """Recompute a period to its end, alone."""
    backfill = begin(connection, since, until)
    done = share(connection, backfill, progress)
    finish(connection, backfill)
    return done


def _mark(connection: psycopg.Connection, backfill: Backfill) -> int:
    """Mark the next windows; return how many are marked by now, or 0 where none was left."""
    with connection.transaction():
        keys = {"backfill": backfill.id}
        at = connection.execute(sql.get("backfill.take"), keys).fetchone()
        if at is None:
            return 0
        until, day, subject, metric = at
        after = {"until": until, "day": day, "subject": subject, "metric": metric}
        limit = {"limit": AT_ONCE}
        windows = connection.execute(sql.get("backfill.mark"), after | limit).fetchall()
        if not windows:
            return 0
        day, subject, metric = windows[-1]
        reached = {"day": day, "subject": subject, "metric": metric, "marked": len(windows)}
        row = connection.execute(sql.get("backfill.advance"), keys | reached).fetchone()
        return int(row[0]) if row else 0
