"""What a keeper asks the flows for by a page, and the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

import sql
from sql import rows
from sql.refused import Which
from sql.rows import Row

_LOOK_SECONDS = 0.1
_ONE = 0x62616C72


def ask(connection: psycopg.Connection, which: Which, *, who: str) -> int:
    """Ask to have a message, or those of a reason, read again; return the wish's number."""
    keys = {"who": who, "landing": which.landing, "reason": which.reason}
    (asked,) = rows.named(connection, "asked.ask", **keys)
    return int(asked["id"])


def answer(connection: psycopg.Connection, number: int, seconds: float) -> Row | None:
    """Return what became of a wish, waiting so long for it; None where the flows are not done."""
    end = time.monotonic() + seconds
    while not (found := rows.named(connection, "asked.answered", id=number)):
        if time.monotonic() > end:
            return None
        time.sleep(_LOOK_SECONDS)
    return found[0]


@contextmanager
def alone(connection: psycopg.Connection) -> Iterator[bool]:
    """Say whether no other process does what is asked for, and keep it so during the block."""
    lock = {"lock": _ONE}
    held = connection.execute(sql.get("asked.lock"), lock).fetchone() == (True,)
    try:
        yield held
    finally:
        if held:
            connection.execute(sql.get("asked.unlock"), lock)


def take(connection: psycopg.Connection) -> Row | None:
    """Return the wish that waits for longest, None where none does."""
    connection.execute(sql.get("asked.give_up"))
    found = rows.named(connection, "asked.take")
    return found[0] if found else None


def wait(connection: psycopg.Connection, number: int) -> None:
    """Leave a wish for later."""
    connection.execute(sql.get("asked.wait"), {"id": number})


def done(
    connection: psycopg.Connection,
    number: int,
    *,
    found: int,
    changed: int,
    still: int,
    more: bool,
) -> None:
    """Answer a wish."""
    counts = {"found": found, "changed": changed, "still": still, "more": more}
    connection.execute(sql.get("asked.done"), {"id": number, **counts})
