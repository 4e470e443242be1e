"""Rows of a named query by the names of their columns, for who shows them."""

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
