"""The database as a command needs it: there, with its schema, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from balise.errors import DatabaseDown


@contextmanager
def needed() -> Iterator[None]:
    """Turn a database that does not answer, or has no schema, into DatabaseDown."""
    try:
        yield
    except psycopg.errors.UndefinedTable:
        raise DatabaseDown("the schema is missing: run `balise db migrate`") from None
    except psycopg.OperationalError as error:
        raise DatabaseDown(f"{DatabaseDown.__doc__} ({type(error).__name__})") from None
