"""What is copied and what is merged ends as if all of it had been merged, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
import psycopg
import pytest

from balise.model import Quality, Reading
from devices import streams
from sql import columns, people, storing
from sql.binary import Column
from sql.placing import Merged

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
STRAPS, MOMENTS, MESSAGES, BATCHES = 12, 100, 48, 6
TABLES = {
    "reading": "SELECT stamped_at, landing, series, sequence, subject, value, item FROM reading",
    "duplicate": "SELECT stamped_at, landing, series, sequence, item, value FROM duplicate",
    "window": "SELECT subject, metric, day, stamped_from, stamped_to, last_at FROM dirty_window",
}


@pytest.fixture
def patients(database: psycopg.Connection) -> dict[int, int]:
    """Who wears which strap."""
    found = dict[int, int]()
    for number in range(STRAPS):
        subject = people.add_subject(database, f"p-{number}", pathway="observation")
        address = f"C0:00:00:00:01:{number:02X}"
        people.give(database, address, subject, since=NOW - timedelta(days=90))
        row = database.execute("SELECT id FROM device WHERE address = %s", (address,)).fetchone()
        assert row
        found[row[0]] = subject
    return found


def beat(strap: tuple[int, int], landing: int, *, after: int = 0, **other: Any) -> Reading:
    """What a strap of a patient told so many hours on."""
    at = NOW + timedelta(hours=after)
    of: dict[str, Any] = {"item": 0, "sequence": 1, "value": Decimal(60), **other}
    return Reading(
        device=strap[0],
        subject=strap[1],
        metric="heart_rate",
        position=0,
        unit="/min",
        stamped_at=at,
        taken_at=at,
        landing=landing,
        sent=of["value"],
        quality=Quality.NONE,
        **of,
    )


def batches(random: Random, patients: dict[int, int]) -> list[list[Reading]]:
    """Messages that overlap each other at random, in the order in which they landed."""
    landing, found = 0, list[list[Reading]]()
    for _ in range(BATCHES):
        batch = list[Reading]()
        for _ in range(random.randrange(1, MESSAGES)):
            landing += 1
            strap, first = random.choice(list(patients.items())), random.randrange(MOMENTS)
            batch += [
                beat(
                    strap,
                    landing,
                    after=first + item,
                    item=item,
                    sequence=random.choice((1, 1, 1, 2)),
                    value=Decimal(random.choice((60, 60, 61))),
                )
                for item in range(random.randrange(1, 6))
            ]
        found.append(batch)
    return found


def columns_of(reading: Reading) -> dict[str, Any]:
    """A reading of whole numbers as streams have it."""
    named = {name: getattr(reading, name) for name in streams.READINGS if hasattr(reading, name)}
    return {**named, "mantissa": int(reading.value), "exponent": 0, "quality": 0}


def store(database: psycopg.Connection, rows: Sequence[Reading], streamed: list[Reading]) -> Merged:
    frame = pl.DataFrame([columns_of(one) for one in streamed], schema=streams.READINGS)
    zones = {one.subject: "Europe/Paris" for one in streamed}
    with database.transaction():
        return storing.store(database, rows, frame, zones, decoder=2)


def stored(database: psycopg.Connection) -> dict[str, Any]:
    found = {name: sorted(database.execute(query).fetchall()) for name, query in TABLES.items()}
    database.execute("TRUNCATE packed_reading, packed_beside, duplicate, dirty_window")
    return found


@pytest.mark.parametrize("seed", range(20))
def test_however_a_batch_is_divided_it_ends_as_if_all_were_merged(
    database: psycopg.Connection, patients: dict[int, int], seed: int
):
    random = Random(seed)  # noqa: S311 - a case, no secret
    every = batches(random, patients)
    found = [store(database, some, []) for some in every]
    merged = stored(database)
    for some, before in zip(every, found, strict=True):
        alone = {one.landing for one in some if random.random() < 1 / 8}
        rows = [one for one in some if one.landing in alone]
        rest = [one for one in some if one.landing not in alone]
        assert store(database, rows, rest) == before
    assert stored(database) == merged


def test_a_series_that_comes_again_leaves_the_others_to_be_copied(
    database: psycopg.Connection, patients: dict[int, int], monkeypatch: pytest.MonkeyPatch
):
    some = [beat(strap, 1) for strap in patients.items()]
    store(database, [], some[:1])
    wrote, write = Counter[str](), columns.write

    def noted(connection: psycopg.Connection, query: str, columns: Sequence[Column]) -> None:
        wrote[query] = len(columns[0].shape)
        write(connection, query, columns)

    monkeypatch.setattr(columns, "write", noted)
    again = [replace(one, landing=2) for one in some]
    assert store(database, [], again).new == {2: STRAPS - 1}
    assert wrote == {"readings.copy": STRAPS - 1, "readings.copy_staged": 1}
