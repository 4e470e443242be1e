"""Windows to rollups on a real database: the same whatever came when, whoever else recomputes."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import fsum
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from bench.waiting import until
from flows import aggregate, steps
from flows.aggregate import Recomputed, recompute
from sql import people

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ZONES = {
    "p-paris": "Europe/Paris",
    "p-kolkata": "Asia/Kolkata",
    "p-st-johns": "America/St_Johns",
    "p-lord-howe": "Australia/Lord_Howe",
}
SCALES = [f"C0:00:00:00:00:0{number}" for number in range(len(ZONES))]
# Around days of 23, 24, 25 and 23 and a half hours somewhere, and one a year old.
DAYS = ("2025-11-26", "2026-03-08", "2026-03-29", "2026-10-04", "2026-10-25", "2026-11-01")


@pytest.fixture
def patients(database: psycopg.Connection) -> list[int]:
    """A patient a zone, each with a scale."""
    found: list[int] = []
    for scale, (code, zone) in zip(SCALES, ZONES.items(), strict=True):
        subject = people.add_subject(database, code, pathway="observation")
        database.execute("UPDATE subject SET time_zone = %s WHERE id = %s", (zone, subject))
        people.give(database, scale, subject, since=NOW - timedelta(days=400))
        found.append(subject)
    return found


def weighings(chance: random.Random, weight: Callable[..., bytes]) -> list[bytes]:
    return [
        weight(
            f"{chance.randrange(10_000, 30_000) * 0.005:.3f}",
            datetime.fromisoformat(day).replace(tzinfo=UTC)
            + timedelta(seconds=chance.randrange(-86_400, 2 * 86_400)),
            scale,
        )
        for day in DAYS
        for scale in SCALES
        for _ in range(12)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_however_it_came_the_rollups_are_those_of_everything_at_once(
    database: psycopg.Connection,
    patients: list[int],
    weight: Callable[..., bytes],
    send: Callable[..., None],
    unlike_a_fresh_validation: Callable[[psycopg.Connection], list[str]],
    seed: int,
):
    chance = random.Random(seed)  # noqa: S311
    bodies = weighings(chance, weight)
    late = chance.choices(bodies, k=40)
    for bodies_of_a_day in (chance.sample(bodies, len(bodies)), late):
        while bodies_of_a_day:
            here = min(len(bodies_of_a_day), chance.randrange(1, 40))
            send(database, *(bodies_of_a_day.pop() for _ in range(here)))
            steps.validate(database)
            if chance.random() < 0.5:
                recompute(database)
    steps.drain(lambda: recompute(database), Recomputed())
    assert unlike_a_fresh_validation(database) == []
    assert_as_plain_python_has_them(database)


def assert_as_plain_python_has_them(database: psycopg.Connection) -> None:
    """Compare every rollup with what its readings give without polars or SQL."""
    buckets: defaultdict[tuple[Any, ...], list[tuple[datetime, float]]] = defaultdict(list)
    for code, zone, at, value in database.execute(
        "SELECT code, time_zone, reading.taken_at, reading.value::float8"
        " FROM reading JOIN subject ON subject.id = reading.subject"
    ):
        local = at.astimezone(ZoneInfo(zone))
        buckets[code, "day", local.date(), None].append((at, value))
        hour = (local.hour, local.utcoffset())
        buckets[code, "hour", local.date(), hour].append((at, value))
    found = database.execute(
        "SELECT code, time_zone, size, day, bucket_start, n, min, max, mean, median, sum, first,"
        " last FROM rollup JOIN subject ON subject.id = subject"
    ).fetchall()
    assert len(found) == len(buckets)
    for code, zone, size, day, start, *figures in found:
        local = start.astimezone(ZoneInfo(zone))
        hour = (local.hour, local.utcoffset()) if size == "hour" else None
        values = [value for _, value in sorted(buckets[code, size, day, hour])]
        total = fsum(values)
        n, low, high, mean, middle, whole, first, last = figures
        assert [n, low, high] == [len(values), min(values), max(values)]
        assert [first, last] == [values[0], values[-1]]
        assert middle == pytest.approx(median(values), rel=1e-15)
        assert [mean, whole] == pytest.approx([total / len(values), total], rel=1e-13)


def test_a_reading_that_comes_during_the_computation_is_in_the_next(
    database: psycopg.Connection,
    database_url: str,
    patients: list[int],
    weight: Callable[..., bytes],
    send: Callable[..., None],
):
    send(database, weight("75", NOW, SCALES[0]))
    steps.validate(database)
    with psycopg.connect(database_url, autocommit=True) as other:
        validating = threading.Thread(target=steps.validate, args=(other,))
        with database.transaction():
            assert recompute(database).readings == 1
            send(other, weight("76", NOW - timedelta(hours=1), SCALES[0]))
            validating.start()
            until(lambda: database.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
        validating.join()
    assert recompute(database).readings == 2
    days = database.execute("SELECT n, sum FROM rollup WHERE size = 'day'").fetchall()
    assert days == [(2, 151)]


@pytest.fixture
def landed(
    database: psycopg.Connection,
    patients: list[int],
    weight: Callable[..., bytes],
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> psycopg.Connection:
    """Many windows wait, and a transaction takes few."""
    monkeypatch.setattr(aggregate, "_LOCKED_AT_ONCE", 3)
    monkeypatch.setattr(aggregate, "READINGS_AT_ONCE", 20)
    send(database, *weighings(random.Random(9), weight))  # noqa: S311
    steps.validate(database)
    return database


def test_what_a_run_does_not_take_is_free_for_others(landed: psycopg.Connection, database_url: str):
    (waiting,) = landed.execute("SELECT count(*) FROM dirty_window").fetchall()[0]
    with psycopg.connect(database_url, autocommit=True) as other, landed.transaction():
        done = recompute(landed)
        assert 20 <= done.readings < 60
        free = other.execute("SELECT FROM dirty_window FOR UPDATE SKIP LOCKED").rowcount
        assert free == waiting - done.windows


def test_two_at_once_take_different_windows_and_leave_none(
    landed: psycopg.Connection,
    database_url: str,
    unlike_a_fresh_validation: Callable[[psycopg.Connection], list[str]],
):
    def work() -> Recomputed:
        with psycopg.connect(database_url, autocommit=True) as connection:
            return steps.drain(lambda: recompute(connection), Recomputed())

    with ThreadPoolExecutor(2) as two:
        done = sum((part.result() for part in [two.submit(work) for _ in "ab"]), Recomputed())
    done += steps.drain(lambda: recompute(landed), Recomputed())
    # Marked once when it came, and once more where the day before became another meanwhile.
    (marks,) = landed.execute("SELECT sum(generation) FROM dirty_window").fetchall()[0]
    assert done.windows == marks
    assert unlike_a_fresh_validation(landed) == []


def test_a_patient_who_moves_has_no_rollup_of_the_old_zone_left(
    database: psycopg.Connection,
    patients: list[int],
    lands: Callable[..., Any],
    weight: Callable[..., bytes],
):
    lands(weight("75", NOW, SCALES[0]))
    database.execute("UPDATE subject SET time_zone = 'Pacific/Auckland'")
    database.execute("UPDATE dirty_window SET generation = generation + 1")
    recompute(database)
    assert database.execute("SELECT count(*) FROM rollup").fetchone() == (0,)
