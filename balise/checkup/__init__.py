"""What `balise doctor` looks at: each part says how it is, or raises what is wrong and the mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

import sql
from balise.errors import BaliseError
from balise.settings import Settings

SECONDS = 3


@contextmanager
def connected(settings: Settings) -> Iterator[psycopg.Connection]:
    """Connect to the database; what keeps us out is said with its mend."""
    if not settings.database_url:
        raise BaliseError("BALISE_DATABASE_URL is not set; `balise up` starts a database")
    try:
        connection = psycopg.connect(settings.database_url, connect_timeout=SECONDS)
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()[-1]
        raise BaliseError(
            f"{said}; is it up, and is BALISE_DATABASE_URL its address and password?"
        ) from error
    with connection:
        yield connection


def row(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    """Return the one row of a question."""
    return connection.execute(sql.get(query)).fetchone() or ()


def names(connection: psycopg.Connection, query: str) -> list[str]:
    """Return the first column."""
    return [str(one[0]) for one in connection.execute(sql.get(query))]
