"""A step of the line until nothing is left: what it had before it, did, and left to other runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Generic

import psycopg

import sql
from flows.steps import Counts, drain

Step = Callable[[psycopg.Connection], Counts]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a step: how much, whether any of it is nobody's, and its window."""

    count: int
    free: bool
    since: datetime | date | None = None
    until: datetime | date | None = None


@dataclass(frozen=True, slots=True)
class Done(Generic[Counts]):
    """What a run did: counts only, never whose."""

    counts: Counts
    nothing: Counts
    before: Waiting
    held: int
    """How much of what waits another run has in hand."""

    def after(self, counts: Counts) -> Done[Counts]:
        """Return the same with what was done before it counted in."""
        before = self.before
        seen = Waiting(max(before.count, int(counts != self.nothing)), free=before.free)
        return replace(self, counts=counts + self.counts, before=seen)


def look(connection: psycopg.Connection, query: str) -> Waiting:
    """Return what waits, by one of the queries `flows.waiting_…`."""
    row = connection.execute(sql.get(query)).fetchone()
    return Waiting(*row) if row else Waiting(0, free=False)


def work_off(
    connection: psycopg.Connection, query: str, step: Step[Counts], nothing: Counts
) -> Done[Counts]:
    """Repeat a step until what is left, if anything, is in other runs' hands."""
    before = look(connection, query)
    total = nothing
    while True:
        done = drain(lambda: step(connection), nothing)
        total += done
        left = look(connection, query)
        # What came in this moment wakes the next run; what others hold is theirs to finish.
        if not left.free or done == nothing:
            return Done(total, nothing, before, held=0 if left.free else left.count)
