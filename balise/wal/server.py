"""PostgreSQL's replication protocol, as much of it as a copy needs.

None of PostgreSQL's own programs is asked: pg_basebackup refuses a server newer than itself.
"""

from __future__ import annotations

import select
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from balise.errors import UsageError

Connection = psycopg.Connection[tuple[Any, ...]]

SEGMENT = 16 << 20
"""How long a file of the log is; a piece is no longer."""

_SILENT = 120.0
_BASE = (
    b"BASE_BACKUP (LABEL 'balise', TARGET 'client', CHECKPOINT 'fast', WAIT false,"
    b" MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')"
)
# A commit, on the disk before the answer: whoever goes back to a moment needs one after it.
_MARK = b"SELECT pg_logical_emit_message(true, 'balise', '')"
_SLOTS = (
    b"SELECT slot_name, coalesce(restart_lsn - '0/0', 0)::bigint, wal_status = 'lost'"
    b" FROM pg_replication_slots WHERE slot_type = 'physical'"
    b" AND slot_name ~ '^balise_[0-9]{8}_[0-9]{6}_[0-9]{6}$' ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """The server keeps its log for us from `at` on; of one that is lost, it no longer does."""

    name: str
    at: int
    lost: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the log, where they begin, and whether they go up to now."""

    start: int
    data: bytes
    last: bool

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.data)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Open a session that may read the server's files and log: of a role with REPLICATION."""
    # `database`: so pg_hba.conf needs no line of its own, which `replication` would be.
    try:
        connection = psycopg.connect(
            url, replication="database", autocommit=True, prepare_threshold=None
        )
    except psycopg.OperationalError as error:
        if "walsender" in str(error).replace("WAL sender", "walsender"):
            raise UsageError("who copies a server needs it: ALTER ROLE … REPLICATION") from error
        if "authentication failed" in str(error) or "does not exist" in str(error):
            raise UsageError(
                "this role can't sign in at the database: ops/postgres/roles.sql makes balise_copy,"
                " with COPY_DB_PASSWORD"
            ) from error
        raise
    with connection:
        ((segment,),) = connection.execute(b"SHOW wal_segment_size")
        if segment != "16MB" or connection.info.server_version < 150_000:
            raise UsageError("the log is copied from PostgreSQL 15 on, in segments of 16 MB")
        yield connection


def here(connection: Connection) -> int:
    """Return how far the server's log is on its disk."""
    ((_, _, now, _),) = connection.execute(b"IDENTIFY_SYSTEM")
    return place(now)


def mark(connection: Connection) -> datetime:
    """Return a moment, by the server's clock, that the log up to now can go back to."""
    ((moment,),) = connection.execute(b"SELECT clock_timestamp()")
    connection.execute(_MARK)
    return cast("datetime", moment)


def slots(connection: Connection) -> list[Slot]:
    """Return the slots that are ours, the oldest first."""
    return [Slot(*row) for row in connection.execute(_SLOTS)]


def reserve(connection: Connection, name: str) -> Slot:
    """Have the server keep its log from here on."""
    connection.execute(f"CREATE_REPLICATION_SLOT {name} PHYSICAL (RESERVE_WAL)".encode())
    (made,) = (one for one in slots(connection) if one.name == name)
    return made


def release(connection: Connection, slot: Slot) -> None:
    """Have it keep nothing for this slot any more."""
    connection.execute(f"DROP_REPLICATION_SLOT {slot.name}".encode())


def base(connection: Connection) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the parts of a base copy: `base.tar`, and `backup_manifest` with each file's digest."""
    pg = connection.pgconn
    pg.send_query(_BASE)
    _result(pg, ExecStatus.TUPLES_OK)
    if _result(pg, ExecStatus.TUPLES_OK).ntuples != 1:
        raise UsageError("a server with tablespaces is not copied")
    _result(pg, ExecStatus.COPY_OUT)
    for name, blocks in groupby(_blocks(pg), lambda pair: pair[0]):
        yield name, (block for _, block in blocks)
    _result(pg, ExecStatus.TUPLES_OK)
    _end(pg)


def _blocks(pg: PGconn) -> Iterator[tuple[str, bytes]]:
    name = ""
    for message in _messages(pg):
        kind, rest = message[:1], message[1:]
        if kind == b"n":
            name = rest.partition(b"\0")[0].decode()
        elif kind == b"m":
            name = "backup_manifest"
        elif kind == b"d":
            yield name, rest


def pieces(connection: Connection, slot: Slot, start: int) -> Iterator[Piece]:
    """Yield the log from `start` to where it is now.

    Whoever asks for the next piece says that the one before is safe: the server forgets it.
    """
    pg = connection.pgconn
    ((_, timeline, now, _),) = connection.execute(b"IDENTIFY_SYSTEM")
    end, data = place(now), bytearray()
    if end <= start:
        return
    at = f"{start >> 32:X}/{start & 0xFFFFFFFF:X}"
    connection.execute(
        f"START_REPLICATION SLOT {slot.name} PHYSICAL {at} TIMELINE {timeline}".encode()
    )
    for message in _messages(pg):
        if message[:1] == b"w":
            data += message[25:]
        while len(data) >= SEGMENT or (data and start + len(data) >= end):
            some = bytes(data[:SEGMENT])
            piece = Piece(start, some, start + len(some) >= end)
            yield piece
            start, data = piece.end, data[SEGMENT:]
            pg.put_copy_data(struct.pack("!cQQQQB", b"r", start, start, 0, 0, 0))
            pg.flush()
        if start >= end:
            break
    pg.put_copy_end()
    deque(_messages(pg), maxlen=0)  # until the server has read what was confirmed
    _end(pg)


def place(text: str) -> int:
    """Return a place in the log, which PostgreSQL writes as 1/6B374D8, as a number of bytes."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _messages(pg: PGconn) -> Iterator[bytes]:
    while (got := pg.get_copy_data(1))[0] >= 0:
        if got[0]:
            yield bytes(got[1])
        else:
            if not select.select([pg.socket], [], [], _SILENT)[0]:
                raise psycopg.OperationalError("the server went silent")
            pg.consume_input()


def _end(pg: PGconn) -> None:
    while pg.get_result():
        pass


def _result(pg: PGconn, status: ExecStatus) -> PGresult:
    result = pg.get_result()
    if not result or result.status != status:
        said = result.error_message.decode(errors="replace").strip() if result else "nothing came"
        raise psycopg.OperationalError(said)
    return result
