"""The steps of the line as plain functions: read, a pure function, write, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import psycopg

import sql
from devices import validation
from flows import intake
from flows.aggregate import Recomputed, recompute
from flows.judging import Judged, assess, summarise
from sql import readings as readings_store
from sql.readings import Accounting
from sql.replay import BESIDE_VALIDATE
from sql.roles import Role, connect

MESSAGES_AT_ONCE = 2000
BYTES_AT_ONCE = 1 << 19
"""Of payload: some fifty thousand readings in runs, two thousand that came alone."""


def validate(connection: psycopg.Connection) -> Accounting:
    """Turn batches of landing into readings and refusals; return what became of them."""
    while True:
        # Two that hold what came twice may wait for each other; then one of them begins anew.
        with suppress(psycopg.errors.DeadlockDetected), connection.transaction():
            connection.execute(sql.get("replay.beside_validate"), {"lock": BESIDE_VALIDATE})
            batches = connection.execute(
                sql.get("landing.take_batches"),
                {"messages": MESSAGES_AT_ONCE, "bytes": BYTES_AT_ONCE},
            ).fetchall()
            if not batches:
                return Accounting()
            landed = _landed(connection, batches)
            taken = intake.take(connection, landed, intake.registry(connection))
            return _close(connection, landed, taken)


def _landed(
    connection: psycopg.Connection, batches: Sequence[tuple[Any, ...]]
) -> list[validation.Landed]:
    received = [batch[1] for batch in batches]
    rows = connection.execute(
        sql.get("landing.of_batches"),
        {
            "batches": [batch[0] for batch in batches],
            "received_from": min(received),
            "received_to": max(received),
        },
    )
    return [validation.Landed(*row) for row in rows]


def _close(
    connection: psycopg.Connection,
    landed: Sequence[validation.Landed],
    taken: intake.Taken,
) -> Accounting:
    """Close the batches, each gateway's part with its own account; return the sum."""
    key = {row.id: (row.batch, row.gateway) for row in landed}
    messages = Counter(key.values())
    found, refusals, accepted, conflicting = (
        _by_batch(counts, key)
        for counts in (taken.found, taken.refused, taken.new, taken.conflicting)
    )
    accounts = {
        one: Accounting(
            messages=messages[one],
            landed=found[one] + refusals[one],
            accepted=accepted[one],
            duplicate=found[one] - accepted[one],
            refused=refusals[one],
            conflicting=conflicting[one],
        )
        for one in messages
    }
    readings_store.close_batches(connection, accounts)
    return sum(accounts.values(), Accounting())


def _by_batch(counts: Counter[int], key: dict[int, tuple[int, str]]) -> Counter[tuple[int, str]]:
    total: Counter[tuple[int, str]] = Counter()
    for landing, count in counts.items():
        total[key[landing]] += count
    return total


@dataclass(slots=True)
class Line:
    """What one pass of the whole line did."""

    accounting: Accounting = field(default_factory=Accounting)
    recomputed: Recomputed = field(default_factory=Recomputed)
    assessed: Judged = field(default_factory=Judged)
    summarised: Judged = field(default_factory=Judged)


class Sum(Protocol):
    """Counts that add up."""

    def __add__(self, other: Any, /) -> Any:
        """Return the sum."""
        ...


Counts = TypeVar("Counts", bound=Sum)


def drain(step: Callable[[], Counts], nothing: Counts) -> Counts:
    """Repeat a step until it finds nothing to do; return the sum."""
    total = nothing
    while (done := step()) != nothing:
        total += done
    return total


def run_line(database_url: str, as_of: datetime | None = None) -> Line:
    """Run the four steps until nothing is left, without Prefect."""
    now = as_of or datetime.now(UTC)
    with connect(database_url, Role.FLOWS) as connection:
        return Line(
            accounting=drain(lambda: validate(connection), Accounting()),
            recomputed=drain(lambda: recompute(connection), Recomputed()),
            assessed=drain(lambda: assess(connection, now), Judged()),
            summarised=drain(lambda: summarise(connection, now), Judged()),
        )
