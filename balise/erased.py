"""Who was erased, kept beside the database: an older backup brings them back, and they go again.

A line has when, and a digest of a patient's number and code: no name, no code. It takes both to be
erased again; whoever has been given the code since is somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import psycopg

from balise.errors import UsageError
from sql import audit, erasure, people


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure: of whom, and when (UTC)."""

    digest: str
    at: datetime


def path(home: Path) -> Path:
    """Return where the list stands; it is copied to wherever a backup is brought back."""
    return home / "erased.jsonl"


def erase(connection: psycopg.Connection, subject: int, *, who: str) -> dict[str, int]:
    """Delete a patient in the caller's transaction, with an audit row; return rows by table."""
    gone = erasure.erase(connection, subject)
    # Last: whoever else writes to the audit waits from here to the commit.
    audit.add(connection, [subject], who=who, action="erase", what="balise db erase")
    return gone


def note(home: Path, subject: int, code: str) -> None:
    """Write an erasure down before it is for good. UsageError where that can't be done."""
    one = Erased(digest=_digest(subject, code), at=datetime.now(UTC))
    file = path(home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as out:
            out.write(msgspec.json.encode(one) + b"\n")
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; nothing was deleted") from error


def again(connection: psycopg.Connection, home: Path, *, who: str) -> int:
    """Delete whom a backup brought back; return how many. UsageError for an unreadable list."""
    listed = {one.digest for one in _listed(path(home))}
    back = [one for one, code in people.codes(connection).items() if _digest(one, code) in listed]
    for subject in sorted(back):
        with connection.transaction():
            erase(connection, subject, who=who)
    return len(back)


def _listed(file: Path) -> Iterator[Erased]:
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            yield msgspec.json.decode(line, type=Erased)
        except msgspec.MsgspecError as error:
            raise UsageError(
                f"line {number} of {file} can't be read: mend it, then `balise db erase-again`"
            ) from error


def _digest(subject: int, code: str) -> str:
    return sha256(f"{subject}:{code}".encode()).hexdigest()
