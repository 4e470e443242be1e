"""The chain of the audit: each row's digest is over itself and the one before. Pure.

Worked out here from the rows alone, and in the database (migration 0027) when they are added: two
programs that must agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit."""

    number: int
    at: datetime
    who: str
    role: str
    action: str
    what: str
    patients: list[int]
    reason: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and how."""

    number: int
    says: str


def digest(before: bytes, entry: Entry) -> bytes:
    """Return what a row's digest must be after the one before."""
    told = [
        entry.number,
        (entry.at - _EPOCH) // timedelta(microseconds=1),
        *(entry.who, entry.role, entry.action, entry.what),
        entry.patients,
        entry.reason,
    ]
    return sha256(before + json.dumps(told, ensure_ascii=False).encode()).digest()


def breaks(entries: Iterable[Entry], head: tuple[int, bytes]) -> Iterator[Break]:
    """Yield where rows, in the order of their numbers, were changed, taken out or cut off.

    `head` is the number and digest that somebody knows of by other means; rows may follow it.
    """
    number, before, met = 0, b"", head[0] == 0
    for entry in entries:
        if entry.number != number + 1:
            yield Break(number + 1, f"rows {number + 1} to {entry.number - 1} are missing")
        if entry.digest != digest(before, entry):
            yield Break(entry.number, "the row, or one before it, is not what was written")
        if entry.number == head[0]:
            met = True
            if entry.digest != head[1]:
                yield Break(entry.number, "the chain was written anew: it is another here")
        number, before = entry.number, entry.digest
    if not met:
        yield Break(number + 1, f"the chain ends at {number}, and went to {head[0]}")
