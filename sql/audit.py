"""The audit as commands write and read it; the pages' own way is care/web/audit.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg.rows import class_row

import sql
from balise.chain import Break, Entry
from balise.chain import breaks as chain_breaks
from sql import rows
from sql.rows import Row

COMMAND = "command"
"""The role of whoever runs a command on the server."""


def add(
    connection: psycopg.Connection,
    patients: Sequence[int],
    *,
    who: str,
    action: str,
    what: str,
    reason: str = "",
) -> None:
    """Write down what a command did; in the caller's transaction."""
    keys = {"who": who, "role": COMMAND, "action": action, "what": what, "reason": reason}
    connection.execute(sql.get("audit.add"), {**keys, "patients": list(patients)})


def line(
    connection: psycopg.Connection, patients: Sequence[int], *, action: str, what: str
) -> None:
    """Write down what the line does by itself; in the caller's transaction."""
    keys = {"action": action, "what": what, "patients": list(patients)}
    connection.execute(sql.get("audit.line"), keys)


def breaks(connection: psycopg.Connection, known: tuple[int, bytes]) -> Iterator[Break]:
    """Yield where chain and patients' lists are not what was written. Needs a transaction.

    `known` is the number and digest that somebody knows of by other means.
    """
    yield from chain_breaks(chain(connection), known)
    for (number,) in connection.execute(sql.get("audit.astray")):
        yield Break(number, "a patient's own list says otherwise than the row")


def chain(connection: psycopg.Connection) -> Iterator[Entry]:
    """Yield the audit from its first row on, a few thousand at a time. Needs a transaction."""
    with connection.cursor("audit", row_factory=class_row(Entry)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(sql.get("audit.rows"))


def head(connection: psycopg.Connection) -> tuple[int, bytes]:
    """Return the number and the digest of the last row."""
    row = connection.execute(sql.get("audit.head")).fetchone()
    return (row[0], row[1]) if row else (0, b"")


def of_patient(connection: psycopg.Connection, subject: int, limit: int) -> list[Row]:
    """Return who saw, changed or took away what is a patient's, the newest first."""
    keys = {"subject": subject, "before": 1 << 62, "limit": limit}
    return rows.named(connection, "audit.of_patient", **keys)
