"""`balise bench aggregate`: rollups of many readings anew, beside SQL and polars on the same ones.

SQL groups by `time_bucket`, hours and then days, with n, min, max, mean, median and sum, and keeps
nothing; the step writes what it makes and clears its marks. polars has the readings in memory.
Two processes under Prefect and Dask share the same backfill, and a window in a hundred is touched.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from math import isclose
from typing import Any

import polars as pl
import psycopg

import sql
from bench import cost, machine, shared
from bench.apart import Apart, apart
from bench.line import running
from bench.rebuilding import Period, rebuild
from bench.rounds import Round, alternate, median, ratios, report, timed
from care import rollups as pure
from sql import people
from sql import readings as readings_store
from sql import rollups as store

_START = datetime(2026, 6, 1, tzinfo=UTC)
_TOUCHED = 0.01
_ALL = 10**9
_SIZES = ("hour", "day")


def main(
    *, readings: int = 10_000_000, subjects: int = 200, rounds: int = 5, per_message: int = 50
) -> None:
    """Print rates of readings, processor seconds for a million of them, and ratios as JSON."""
    dask = find_spec("prefect_dask") is not None
    with running(prefect=dask, members=()) as line:
        url, postgres = line.settings.database_url, line.stack.pid("postgres")
        prefect = line.stack.endpoints.prefect_api_url if dask else None
        with psycopg.connect(url, autocommit=True) as connection, apart(url, rebuild) as step:
            fill(connection, subjects, readings // subjects, per_message)
            found = Aggregating(connection, step, postgres, prefect).measure(rounds)
        print(json.dumps({"machine": machine.facts(url), **found}, indent=2))


def fill(connection: psycopg.Connection, subjects: int, each: int, per_message: int) -> None:
    """Give patients a strap that measured every five seconds, as validate leaves it all."""
    devices: set[int] = set()
    for number in range(subjects):
        subject = people.add_subject(connection, f"bench-{number}", pathway="observation")
        address = f"F0:00:00:00:{number // 256:02X}:{number % 256:02X}"
        devices.add(people.give(connection, address, subject, since=_START - timedelta(days=1)))
    readings_store.series(connection, {(one, "heart_rate", 0, "/min") for one in devices})
    much = {"each": each, "per_message": per_message, "start": _START}
    connection.execute(sql.get("bench_aggregate.fill"), much)
    connection.execute(sql.get("bench_aggregate.windows"))
    connection.execute(sql.get("bench.analyse"))


@dataclass(frozen=True, slots=True)
class Frame:
    """Readings in memory, with the windows they are of."""

    readings: pl.DataFrame
    windows: pl.DataFrame


def frame(connection: psycopg.Connection) -> Frame:
    """Read the windows that wait, all of them at once, as the step does with some."""
    with connection.transaction(), closing(store.waiting(connection, _ALL)) as portions:
        windows = next(portions)
        bounds = [pure.day_bounds(one.day, one.time_zone) for one in windows]
        rows = [
            (one.number, one.subject, one.metric, one.day, one.time_zone, *bound)
            for one, bound in zip(windows, bounds, strict=True)
        ]
        return Frame(
            store.readings(connection, windows, bounds, left_out=0),
            pl.DataFrame(rows, schema=pure.WINDOWS, orient="row"),
        )


@dataclass(frozen=True, slots=True)
class Aggregating:
    """Readings whose rollups are made again and again, and a checksum of what each way made.

    `prefect` is the address of its API; without one, nothing is shared.
    """

    connection: psycopg.Connection
    step: Apart
    postgres: int
    prefect: str | None = None
    made: dict[str, str] = field(default_factory=dict[str, str])
    together: list[shared.Shared] = field(default_factory=list[shared.Shared])

    def measure(self, rounds: int) -> dict[str, object]:
        """Return every way beside the others."""
        whole = frame(self.connection)
        self.step.ask()
        since, until, windows = self._row("bench_aggregate.extent")
        cost.forget_memory(self.step.pid)
        measured = alternate(self._ways(whole, (since, until)), rounds)
        return {
            "readings": whole.readings.height,
            "windows": windows,
            "ways": report(measured),
            "ratios": ratios(measured, "rebuild"),
            "touched_over_rebuild": _seconds(measured["touched"], measured["rebuild"]),
            "shared": self._shared(measured["rebuild"]),
            "checksums": self.made,
            "as_in_sql": all(self._as_in_sql(size) for size in _SIZES),
            "megabytes_at_most": round(cost.most_memory(self.step.pid), 1),
        }

    def _ways(self, whole: Frame, period: Period) -> dict[str, Callable[[], Round]]:
        ways = {
            "sql": lambda: self._timed(lambda: self._sql(whole.readings.height)),
            "rebuild": lambda: self._anew("rebuild", lambda: self.step.ask(period)),
            "touched": self._touched,
            "polars": lambda: self._timed(lambda: _polars(whole)),
        }
        prefect = self.prefect
        if prefect:
            ways["shared"] = lambda: self._anew("shared", lambda: self._share(period, prefect))
        return ways

    def _timed(self, work: Callable[[], int]) -> Round:
        self.connection.execute(sql.get("bench.checkpoint"))
        return timed(work, {"aggregate": self.step.pid, "postgres": self.postgres})

    def _sql(self, readings: int) -> int:
        for size in _SIZES:
            self._in_sql(size)
        return readings

    def _in_sql(self, size: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            sql.get("bench_aggregate.in_sql"), {"size": f"1 {size}"}
        ).fetchall()

    def _anew(self, way: str, work: Callable[[], int]) -> Round:
        """Time it on rollups that are all wrong, and keep a checksum of what it made of them."""
        self.connection.execute(sql.get("bench_aggregate.spoil"))
        done = self._timed(work)
        (self.made[way],) = self._row("bench_aggregate.checksum")
        return done

    def _touched(self) -> Round:
        self.connection.execute(sql.get("bench_aggregate.touch"), {"share": _TOUCHED})
        return self._timed(self.step.ask)

    def _share(self, period: Period, prefect: str) -> int:
        self.together.append(shared.run(period, prefect))
        return self.together[-1].readings

    def _shared(self, alone: Sequence[Round]) -> dict[str, object] | None:
        """Say of two processes what they took without their start, beside one that is alone."""
        if not self.together:
            return None
        times = [one.sharing_seconds for one in self.together]
        pairs = zip(alone, times, strict=True)
        return {
            "processes": shared.WORKERS,
            "sharing_seconds": median(times),
            "alone_seconds": median([one.spent.seconds for one in alone]),
            "alone / sharing": median([one.spent.seconds / time for one, time in pairs]),
            "processor_seconds": median([one.processor_seconds for one in self.together]),
        }

    def _as_in_sql(self, size: str) -> bool:
        """Say whether SQL has the same: n, min, max and median exactly, mean and sum nearly."""
        keys = {"size": size}
        kept = self.connection.execute(sql.get("bench_aggregate.kept"), keys).fetchall()
        pairs = zip(kept, self._in_sql(size), strict=True)
        return all(
            ours[:-2] == theirs[:-2] and all(map(_near, ours[-2:], theirs[-2:]))
            for ours, theirs in pairs
        )

    def _row(self, query: str) -> tuple[Any, ...]:
        return self.connection.execute(sql.get(query)).fetchall()[0]


def _near(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=1e-12)


def _polars(whole: Frame) -> int:
    pure.roll_up(whole.readings, whole.windows)
    return whole.readings.height


def _seconds(over: Sequence[Round], under: Sequence[Round]) -> dict[str, float]:
    """Return how much of one way's time another takes: of each round, then their median."""
    pairs = zip(over, under, strict=True)
    found = sorted(one.spent.seconds / other.spent.seconds for one, other in pairs)
    middle = statistics.median(found)
    return {"median": round(middle, 4), "least": round(found[0], 4), "most": round(found[-1], 4)}
