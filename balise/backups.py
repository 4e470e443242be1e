"""Back a database up, say whether a backup is whole, and bring one back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import psycopg

import sql
from balise import unreadable
from balise.errors import BackupUnreadable, UsageError
from balise.sealed_archive import Reader, reading, recipients, writing
from sql import audit, dump
from sql.migrate import migrate

_MANIFEST = "manifest.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a backup: its columns, how many rows it has, and their digest."""

    columns: list[str]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup has: its moment and schema, each table's rows and digest, the accounting."""

    made_at: str
    schema: int
    tables: dict[str, Part]
    sequences: dict[str, int]
    accounting: dict[str, int]
    audit: str


def back_up(database_url: str, path: Path, to: str, progress: Progress) -> Manifest:
    """Write a backup as of one moment; the line goes on meanwhile."""
    keys = recipients(to)
    with psycopg.connect(database_url) as connection, writing(path, keys) as archive:
        with connection.transaction():
            found = dump.tables(connection)
        dump.snapshot(connection)
        dump.hold(connection, found)
        number, digest = audit.head(connection)
        parts: dict[str, Part] = {}
        for done, table in enumerate(found, 1):
            counted = _Counted(dump.read(connection, table))
            archive.add(f"{table.name}.copy", counted)
            parts[table.name] = counted.told(table.columns)
            progress(done, len(found))
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(),
            schema=dump.schema(connection),
            tables=parts,
            sequences=dump.sequences(connection),
            accounting=dump.accounting(connection),
            audit=f"{number}:{digest.hex()}",
        )
        archive.add(_MANIFEST, [msgspec.json.encode(manifest)])
    with psycopg.connect(database_url) as connection:
        size, readings = path.stat().st_size, manifest.accounting["readings"]
        dump.note(connection, manifest.made_at, size, readings)
    return manifest


class _Counted:
    """Blocks of COPY's text as they pass: how many rows they were (a row is a line), and which."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._digest = sha256()
        self._rows = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._digest.update(block)
            self._rows += block.count(b"\n")
            yield block

    def told(self, columns: list[str]) -> Part:
        """Return what a manifest says of what passed."""
        return Part(columns, self._rows, self._digest.hexdigest())


def verify(path: Path, key: str) -> Manifest:
    """Read a backup through. BackupUnreadable where a part is not what was written."""
    with reading(path, key) as archive:
        manifest = _manifest(archive)
        for name, part in manifest.tables.items():
            counted = _Counted(archive.blocks(f"{name}.copy"))
            deque(counted, maxlen=0)
            if counted.told(part.columns) != part:
                raise BackupUnreadable(f"{name} is not what was written; take another backup")
        return manifest


def restore(database_url: str, path: Path, key: str, progress: Progress) -> Manifest:
    """Fill an empty database from a backup, count, and bring it to this version's schema."""
    with reading(path, key) as archive:
        manifest = _manifest(archive)
        migrations = sql.migrations()
        if manifest.schema > max(migrations):
            raise UsageError(
                f"the backup is of a newer Balise (schema {manifest.schema}): upgrade, then restore"
            )
        of_then = {number: one for number, one in migrations.items() if number <= manifest.schema}
        with psycopg.connect(database_url) as connection:
            _must_be_new(connection, of_then)
        migrate(database_url, of_then)
        with psycopg.connect(database_url) as connection:
            _fill(connection, archive, manifest, progress)
    migrate(database_url)
    return manifest


def _must_be_new(connection: psycopg.Connection, of_then: dict[int, Any]) -> None:
    try:
        new = dump.schema(connection) <= max(of_then) and dump.is_new(connection)
    except psycopg.errors.UndefinedTable:
        return
    if not new:
        raise UsageError("this database is in use: restore into an empty one (CREATE DATABASE)")


def _fill(
    connection: psycopg.Connection, archive: Reader, manifest: Manifest, progress: Progress
) -> None:
    here = dump.tables(connection)
    if odd := manifest.tables.keys() ^ {table.name for table in here}:
        raise BackupUnreadable(f"backup or schema has no {', '.join(sorted(odd))}")
    with dump.quiet(connection):
        for done, name in enumerate((table.name for table in here), 1):
            part = manifest.tables[name]
            passed = _Counted(archive.blocks(f"{name}.copy"))
            rows = dump.write(connection, dump.Table(name, part.columns), passed)
            if (rows, passed.told(part.columns)) != (part.rows, part):
                raise BackupUnreadable(f"{name} is not what was written; take another backup")
            progress(done, len(here))
    dump.set_sequences(connection, manifest.sequences)
    counted = dump.accounting(connection)
    if counted != manifest.accounting:
        raise BackupUnreadable(f"the accounting is {counted}, not {manifest.accounting}")


def _manifest(archive: Reader) -> Manifest:
    try:
        return msgspec.json.decode(archive.read(_MANIFEST), type=Manifest)
    except unreadable.JSON as error:
        raise BackupUnreadable("the backup doesn't say what is in it; take another") from error
