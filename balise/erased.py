"""Who was erased, kept beside the database: an older backup brings them back, and they go again.

A line has when, a patient's number, and a digest of number and code. It takes both to be erased
again; whoever has been given the code since has another number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
import psycopg

import sql
from balise import unreadable
from balise.errors import UsageError
from sql import audit, erasure, people


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure: of whom, and when (UTC)."""

    subject: int
    digest: str
    at: datetime


def path(home: Path) -> Path:
    """Return where the list stands: beside the authority's keys, which are backed up too."""
    return home / "ca" / "erased.jsonl"


def erase(connection: psycopg.Connection, subject: int, *, who: str) -> dict[str, int]:
    """Delete a patient in the caller's transaction, with an audit row; return rows by table."""
    gone = erasure.erase(connection, subject)
    # Last: whoever else writes to the audit waits from here to the commit.
    audit.add(connection, [subject], who=who, action="erase", what="balise db erase")
    return gone


@contextmanager
def noting(home: Path) -> Iterator[BinaryIO]:
    """Open the list before anything is deleted. UsageError where that can't be done."""
    file = path(home)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; nothing was deleted") from error
    with os.fdopen(descriptor, "ab", buffering=0) as opened:
        yield opened


def note(opened: BinaryIO, subject: int, code: str) -> None:
    """Write an erasure down once it is done: whoever was not erased is in no list.

    UsageError where it can't be written; half a line does not stay.
    """
    one = Erased(subject=subject, digest=_digest(subject, code), at=datetime.now(UTC))
    line, before = msgspec.json.encode(one) + b"\n", os.fstat(opened.fileno()).st_size
    left = line
    try:
        while left:
            left = left[opened.write(left) :]
        os.fsync(opened.fileno())
    except OSError as error:
        opened.truncate(before)
        raise UsageError(
            f"{code} is deleted, but the list of who was can't be written ({error.strerror}):"
            f" add this line to it: {line.decode().strip()}"
        ) from error


def listed(home: Path) -> list[Erased]:
    """Return who was erased. Nobody where there is no list; UsageError for an unreadable one."""
    file = path(home)
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    return [_one(file, number, line) for number, line in enumerate(lines, 1)]


def again(connection: psycopg.Connection, known: list[Erased], *, who: str) -> int:
    """Delete whom a backup brought back, and give nobody their numbers; return how many."""
    digests = {one.digest for one in known}
    back = [one for one, code in people.codes(connection).items() if _digest(one, code) in digests]
    for subject in back:
        with connection.transaction():
            erase(connection, subject, who=who)
    highest = max((one.subject for one in known), default=0)
    connection.execute(sql.get("erasure.go_on"), {"highest": highest})
    return len(back)


def _one(file: Path, number: int, line: bytes) -> Erased:
    try:
        return msgspec.json.decode(line, type=Erased)
    except unreadable.JSON as error:
        raise UsageError(
            f"line {number} of {file} can't be read: mend it, then say this again"
        ) from error


def _digest(subject: int, code: str) -> str:
    return sha256(f"{subject}:{code}".encode()).hexdigest()
