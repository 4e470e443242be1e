"""A whole database as tables of text, and back: what a backup is made of.

Text, not the binary form: another version of PostgreSQL reads it, and so does a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg
from psycopg import sql as build

import sql
from sql import rows
from sql.rows import Row


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the columns of it that somebody wrote."""

    name: str
    columns: list[str]


def snapshot(connection: psycopg.Connection) -> None:
    """See all tables as of one moment, until the transaction ends."""
    connection.execute(sql.get("dump.snapshot"))


def hold(connection: psycopg.Connection, some: Sequence[Table]) -> None:
    """Keep tables, and the chunks of hypertables, from being dropped until the transaction ends.

    Before the snapshot is taken: of a chunk that goes after it no snapshot has the rows.
    """
    names = build.SQL(", ").join(build.Identifier(one.name) for one in some)
    connection.execute(build.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return what is kept, each table after those it refers to."""
    found = {row["name"]: Table(**row) for row in rows.named(connection, "dump.tables")}
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(found, ()))
    for row in rows.named(connection, "dump.references"):
        order.add(row["name"], row["needs"])
    return [found[name] for name in order.static_order() if name in found]


def read(connection: psycopg.Connection, table: Table) -> Iterator[bytes]:
    """Yield a table as COPY writes it."""
    command = build.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        _columns(table), build.Identifier(table.name)
    )
    with connection.cursor().copy(command) as copy:
        yield from (bytes(block) for block in copy)


def write(connection: psycopg.Connection, table: Table, blocks: Iterable[bytes]) -> int:
    """Fill a table; what a migration put there gives way. Return how many rows that was."""
    name = build.Identifier(table.name)
    if connection.execute(build.SQL("SELECT FROM {} LIMIT 1").format(name)).rowcount:
        connection.execute(build.SQL("DELETE FROM {}").format(name))
    cursor = connection.cursor()
    command = build.SQL("COPY {} ({}) FROM STDIN").format(name, _columns(table))
    with cursor.copy(command) as copy:
        for block in blocks:
            copy.write(block)
    return cursor.rowcount


@contextmanager
def quiet(connection: psycopg.Connection) -> Iterator[None]:
    """Have rows bring nothing about meanwhile: what they brought about is in the backup already."""
    found = rows.named(connection, "dump.triggers")
    _switch(connection, found, build.SQL("DISABLE"))
    yield
    _switch(connection, found, build.SQL("ENABLE"))


def _switch(connection: psycopg.Connection, triggers: Sequence[Row], way: build.SQL) -> None:
    for one in triggers:
        table, name = build.Identifier(one["table"]), build.Identifier(one["name"])
        connection.execute(build.SQL("ALTER TABLE {} {} TRIGGER {}").format(table, way, name))


def _columns(table: Table) -> build.Composed:
    return build.SQL(", ").join(map(build.Identifier, table.columns))


def sequences(connection: psycopg.Connection) -> dict[str, int]:
    """Return where the numbers stand."""
    return {row["name"]: row["value"] for row in rows.named(connection, "dump.sequences")}


def set_sequences(connection: psycopg.Connection, values: dict[str, int]) -> None:
    """Go on from there."""
    for name, value in values.items():
        connection.execute(sql.get("dump.set_sequence"), {"name": name, "value": value})


def is_new(connection: psycopg.Connection) -> bool:
    """Say whether nobody was enrolled here and nothing landed."""
    return _one(connection, "dump.is_new") == (True,)


def schema(connection: psycopg.Connection) -> int:
    """Return the number of the schema."""
    return int(_one(connection, "dump.schema")[0])


def accounting(connection: psycopg.Connection) -> dict[str, int]:
    """Return what must be the same before and after."""
    return rows.named(connection, "dump.accounting")[0]


def note(connection: psycopg.Connection, made_at: str, size: int, readings: int) -> None:
    """Write down that a backup was made, of how many bytes and readings."""
    keys = {"made_at": made_at, "bytes": size, "readings": readings}
    connection.execute(sql.get("dump.note"), keys)


def _one(connection: psycopg.Connection, query: str) -> Sequence[int]:
    return connection.execute(sql.get(query)).fetchone() or ()
