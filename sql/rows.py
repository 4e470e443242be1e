"""What a named query answers: rows by the names of their columns, or one value."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

import sql

Row = dict[str, Any]


def named(connection: psycopg.Connection, query: str, **keys: object) -> list[Row]:
    """Return all rows of a query, asked with these keys."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.get(query), keys).fetchall()


def value(connection: psycopg.Connection, query: str, **keys: object) -> Any:
    """Return the one value that a question is answered with; None where there is none."""
    row = connection.execute(sql.get(query), keys).fetchone()
    return row[0] if row else None
