"""The limit: rows as they stand in a table, as ready bytes of COPY BINARY, back into that table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

import sql

_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Table:
    """A table and those of its columns that are stored and not computed, with their types."""

    name: str
    columns: tuple[str, ...]
    types: tuple[int, ...]

    def asked(self, query: str, **more: object) -> Composed:
        """Return one of the bench's statements about this table."""
        columns = SQL(", ").join(map(Identifier, self.columns))
        rest = {
            name: value if isinstance(value, Composable) else Literal(value)
            for name, value in more.items()
        }
        return SQL(sql.get(query)).format(table=Identifier(self.name), columns=columns, **rest)


def table(connection: psycopg.Connection, index: str) -> Table:
    """Return the table that an index is of: who holds the readings is the schema's affair."""
    found = connection.execute(sql.get("bench.columns_of"), {"index": index}).fetchall()
    name, columns, types = zip(*found, strict=True)
    return Table(name[0], columns, types)


def chunks(connection: psycopg.Connection, source: Table, rows: int) -> list[bytes]:
    """Return a table's rows, as they lie, in COPY BINARY streams of so many rows each."""
    return [_framed(some) for some in _parts(_rows(connection, source, "bench.dump"), rows)]


def batches(connection: psycopg.Connection, source: Table) -> list[tuple[int, bytes]]:
    """Return the landing by batch: number of messages, and their COPY BINARY stream."""
    found: list[tuple[int, bytes]] = []
    for (batch,) in connection.execute(sql.get("bench.batches")).fetchall():
        rows = list(_rows(connection, source, "bench.dump_batch", batch=batch))
        found.append((len(rows), _framed(rows)))
    return found


def _rows(
    connection: psycopg.Connection, source: Table, query: str, **more: object
) -> Iterator[bytes]:
    """Yield a table's rows: the server sends each in a message of its own."""
    with connection.cursor().copy(source.asked(query, **more)) as copy:
        for message in copy:
            row = bytes(message).removeprefix(_HEADER)
            if row and row != _TRAILER:
                yield row


def _parts(rows: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


def _framed(rows: Sequence[bytes]) -> bytes:
    return b"".join([_HEADER, *rows, _TRAILER])


def load(connection: psycopg.Connection, target: Table, ready: Sequence[bytes]) -> None:
    """Commit streams one by one."""
    statement = target.asked("bench.load")
    for stream in ready:
        with connection.transaction(), connection.cursor().copy(statement) as copy:
            copy.write(stream)


def load_batches(
    connection: psycopg.Connection, target: Table, ready: Sequence[tuple[int, bytes]]
) -> None:
    """Commit batches of the landing, each with its row in the work list."""
    statement = target.asked("bench.load")
    for messages, stream in ready:
        with connection.transaction():
            connection.execute(sql.get("bench.open_batch"), {"messages": messages})
            with connection.cursor().copy(statement) as copy:
                copy.write(stream)


@dataclass(frozen=True, slots=True)
class Values:
    """A table's rows as Python has them, for who counts the encoding in."""

    target: Table
    rows: Sequence[Sequence[tuple[Any, ...]]]


def values(connection: psycopg.Connection, source: Table, rows: int) -> Values:
    """Return the rows in commits of so many, without the columns that are NULL throughout."""
    found = connection.execute(source.asked("bench.values")).fetchall()
    filled = [place for place, column in enumerate(zip(*found, strict=True)) if _any(column)]
    target = Table(
        source.name,
        tuple(source.columns[place] for place in filled),
        tuple(source.types[place] for place in filled),
    )
    kept = [tuple(row[place] for place in filled) for row in found]
    return Values(target, [kept[at : at + rows] for at in range(0, len(kept), rows)])


def _any(column: Sequence[object]) -> bool:
    """Return whether a column has any value."""
    return any(value is not None for value in column)


def encode_and_load(connection: psycopg.Connection, ready: Values) -> None:
    """Commit rows optimistically: encoded by psycopg, and a duplicate would fail its commit."""
    statement = ready.target.asked("bench.load")
    for rows in ready.rows:
        with (
            suppress(psycopg.errors.UniqueViolation),
            connection.transaction(),
            connection.cursor().copy(statement) as copy,
        ):
            copy.set_types(ready.target.types)
            for row in rows:
                copy.write_row(row)
