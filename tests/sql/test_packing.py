"""A reading is stored in few bytes and read as every fact it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pytest

from balise.model import Quality, Reading
from devices import streams
from devices.registry import DECODER_VERSION
from flows import retention
from sql import columns, packing, people, replay, storing

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BATCH = 5_000
BATCHES = 40
SERIES = 100


def heart_rate(**other: Any) -> Reading:
    of: dict[str, Any] = {
        "device": 1,
        "metric": "heart_rate",
        "position": 0,
        "unit": "/min",
        "stamped_at": NOW,
        "sequence": 77,
        "subject": 1,
        "value": Decimal(60),
        "sent": Decimal(60),
        "quality": Quality.NONE,
        "landing": 5,
        "item": 3,
        **other,
    }
    of.setdefault("taken_at", of["stamped_at"])
    return Reading(**of)


CLOCKED: dict[str, Any] = {"taken_at": NOW - timedelta(hours=1, microseconds=7)}
POUNDS: dict[str, Any] = {"value": Decimal("80.285"), "sent": Decimal("177.00")}
WIDEST: dict[str, Any] = {
    "landing": packing.LANDINGS - 1,
    "item": packing.ITEMS - 1,
    "quality": Quality(sum(one.value for one in Quality)),
}
SHAPES: list[dict[str, Any]] = [
    {},
    CLOCKED,
    POUNDS,
    {**CLOCKED, **POUNDS},
    WIDEST,
    {"value": Decimal("36.50")},
]


def store(database: psycopg.Connection, some: list[Reading], *, decoder: int) -> dict[int, int]:
    with database.transaction():
        return storing.store(database, some, decoder=decoder).new


@pytest.fixture
def patient(database: psycopg.Connection) -> int:
    subject = people.add_subject(database, "p-one", pathway="observation")
    people.give(database, "C0:00:00:00:00:01", subject, since=NOW - timedelta(days=90))
    return subject


@pytest.fixture
def stored(database: psycopg.Connection, patient: int) -> list[Reading]:
    """One reading of each shape, a minute after the other, by decoder 255."""
    some = [
        heart_rate(subject=patient, stamped_at=NOW + timedelta(minutes=number), **other)
        for number, other in enumerate(SHAPES)
    ]
    store(database, some, decoder=255)
    return some


@pytest.mark.stack
def test_what_is_stored_is_read_as_it_was(database: psycopg.Connection, stored: list[Reading]):
    rows = database.execute(
        "SELECT stamped_at, taken_at, landing, sequence, subject, quality, item, decoder,"
        " value::text, coalesce(sent, value)::text FROM reading ORDER BY 1"
    )
    for one, row in zip(stored, rows, strict=True):
        facts = (one.stamped_at, one.taken_at, one.landing, one.sequence, one.subject)
        assert row == (*facts, one.quality.value, one.item, 255, str(one.value), str(one.sent))


@pytest.mark.stack
def test_a_stream_is_packed_as_the_database_packs_readings(
    database: psycopg.Connection, patient: int
):
    some = [
        heart_rate(
            subject=patient,
            stamped_at=NOW + timedelta(minutes=number),
            value=value,
            sent=value,
            **other,
        )
        for number, (value, other) in enumerate(STREAMED)
    ]
    store(database, some, decoder=255)
    merged = packed(database)
    database.execute("TRUNCATE packed_reading")
    frame = pl.DataFrame([columns_of(one) for one in some], schema=streams.READINGS)
    with database.transaction():
        merged_again = storing.store(database, [], frame, {patient: "Europe/Paris"}, decoder=255)
    assert merged_again.new.total() == len(some)
    assert packed(database) == merged
    with pytest.raises(OverflowError):
        columns.packed(frame.with_columns(series=pl.lit(1)), decoder=packing.DECODERS)


STREAMED: list[tuple[Decimal, dict[str, Any]]] = [
    (Decimal(60), {}),
    (Decimal("36.50"), {"quality": WIDEST["quality"]}),
    (Decimal("0.9765625"), {"landing": packing.LANDINGS - 1}),
    (Decimal(-3), {"item": packing.ITEMS - 1}),
]


def packed(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT stamped_at, source, series, sequence, subject, value::text, flags::text,"
        " mended::text FROM packed_reading ORDER BY 1"
    ).fetchall()


def columns_of(reading: Reading) -> dict[str, Any]:
    """Return a reading as streams have it: its value in two integers."""
    sign, digits, exponent = reading.value.as_tuple()
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    named = {name: getattr(reading, name) for name in streams.READINGS if hasattr(reading, name)}
    return {
        **named,
        "mantissa": mantissa,
        "exponent": exponent,
        "quality": reading.quality.value,
    }


@pytest.mark.parametrize(
    ("landing", "item", "decoder"),
    [(packing.LANDINGS, 0, 0), (0, packing.ITEMS, 0), (0, 0, packing.DECODERS), (-1, 0, 0)],
)
def test_what_has_no_room_is_never_packed_into_its_neighbour(landing: int, item: int, decoder: int):
    with pytest.raises(OverflowError):
        packing.source(landing, item, decoder)
    assert packing.source(0, 0, DECODER_VERSION) == DECODER_VERSION


@pytest.mark.stack
def test_frames_of_one_moment_are_readings_beside_each_other(
    database: psycopg.Connection, patient: int
):
    """A cuff whose clock restarts stamps two measurements alike; its frames tell them apart."""
    same = [heart_rate(subject=patient, sequence=n, value=Decimal(n), landing=n) for n in (7, 5, 9)]
    assert store(database, same[:2], decoder=2) == {7: 1, 5: 1}
    assert store(database, [*same, same[2]], decoder=2) == {9: 1}
    rows = database.execute("SELECT sequence, value FROM reading ORDER BY 1").fetchall()
    assert rows == [(n, n) for n in (5, 7, 9)]
    assert database.execute("SELECT count(*) FROM packed_reading").fetchone() == (1,)
    again = database.execute("SELECT landing FROM duplicate ORDER BY 1").fetchall()
    assert again == [(5,), (7,), (9,)]


@pytest.mark.stack
def test_where_the_first_of_a_moment_is_withdrawn_the_next_moves_up(
    database: psycopg.Connection, patient: int
):
    """So that a COPY which passes the key of `packed_reading` has written what is new."""
    same = [heart_rate(subject=patient, sequence=n, value=Decimal(n), landing=n) for n in (7, 5, 9)]
    store(database, same, decoder=2)
    for gone, left in ((5, [7, 9]), (9, [7]), (7, [])):
        withdraw(database, heart_rate(subject=patient, sequence=gone, value=Decimal(gone)))
        rows = database.execute("SELECT sequence, value FROM reading ORDER BY 1").fetchall()
        assert rows == [(n, n) for n in left]
        first = database.execute("SELECT count(*) FROM packed_reading").fetchone()
        assert first == (min(len(left), 1),)


def withdraw(database: psycopg.Connection, one: Reading) -> None:
    key = (one.device, one.metric, one.position, one.unit, one.stamped_at, one.sequence)
    figure = replay.Figure(
        landing=one.landing,
        item=one.item,
        subject=one.subject,
        taken_at=one.taken_at,
        value=one.value,
        sent=one.sent,
        quality=0,
        decoder=2,
    )
    with database.transaction():
        row = database.execute(
            "INSERT INTO replay (asked, known, who, why) VALUES ('{}', '', '', '') RETURNING id"
        ).fetchone()
        assert row
        by = replay.By(replay=row[0], who="test", why="never measured")
        replay.revise(database, [replay.Change(key=key, old=figure, new=None)], by, judged=[])


@pytest.mark.stack
def test_a_heart_rate_takes_at_most_110_bytes_with_its_indexes(database: psycopg.Connection):
    """A hundred straps, each with 50 readings in every batch."""
    for first in range(0, BATCHES * BATCH, BATCH):
        database.execute(
            "INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
            " SELECT %(start)s::timestamptz + n / %(series)s * interval '5 s',"
            " source_of(n / 50, (n %% 50)::smallint, 2::smallint), n %% %(series)s,"
            " hashint4(n) & 2147483647, n %% %(series)s, 60 + n %% 40"
            " FROM generate_series(%(first)s::integer, %(last)s::integer) AS n"
            " ORDER BY n %% %(series)s, 1",
            {
                "start": NOW,
                "series": SERIES,
                "first": first,
                "last": first + BATCH - 1,
            },
        )
    sizes = retention.sizes(database)
    assert sizes.readings == BATCHES * BATCH
    assert 90 < sizes.tables["reading"] / sizes.readings <= 110


@pytest.mark.stack
def test_a_plan_sees_columns_and_uses_both_indexes(database: psycopg.Connection, patient: int):
    store(database, [heart_rate(subject=patient)], decoder=2)
    database.execute("SET enable_seqscan = off")
    of_message = plan(database, "landing BETWEEN 4 AND 6")
    assert "reading_by_landing" in of_message
    assert "landing_of" not in of_message
    of_moment = plan(database, f"series = 1 AND stamped_at >= '{NOW}' AND taken_at >= '{NOW}'")
    assert "Index Cond: ((series = 1) AND (stamped_at >=" in of_moment
    assert "taken_at_of" not in of_moment


def plan(database: psycopg.Connection, condition: str) -> str:
    query = f"EXPLAIN (COSTS OFF) SELECT value FROM reading WHERE {condition}"  # noqa: S608
    return "\n".join(row[0] for row in database.execute(query.encode()).fetchall())
