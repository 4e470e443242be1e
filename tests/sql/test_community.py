"""TimescaleDB's Community edition, which only WASM has here: migrations, columnstore, retention.

Opt-in (BALISE_COMMUNITY=1): it fetches one person's build of a development version with npm, for
this test alone. That build has one connection, no COPY and no workers, so that policies are made
and never fire: what they do is called by hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

import sql
from balise.stack.ports import free
from care.web import pages
from flows import retention
from sql.migrate import migrate

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        os.environ.get("BALISE_COMMUNITY") != "1" or shutil.which("npm") is None,
        reason="opt-in: BALISE_COMMUNITY=1, with node and npm",
    ),
]

HERE = Path(__file__).parent / "community"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD = datetime(2025, 9, 1, 6, tzinfo=UTC)
RECENT = datetime(2026, 11, 24, 6, tzinfo=UTC)
MESSAGES = 300


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("community")
    for name in ("package.json", "serve.mjs"):
        shutil.copy(HERE / name, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--legacy-peer-deps", "--silent"]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
    port = free()
    with subprocess.Popen(
        ["node", "serve.mjs", str(port)], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        server.terminate()


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[psycopg.Connection]:
    applied = migrate(url)
    assert applied == [name for name, _ in sql.migrations().values()]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        fill(connection)
        yield connection


def fill(database: psycopg.Connection) -> None:
    """Messages of two days; one of the old day was refused, and nobody has looked at it."""
    database.execute("INSERT INTO subject (code) VALUES ('p-one')")
    database.execute("INSERT INTO device (address) VALUES ('C0:00:00:00:00:01')")
    database.execute(
        "INSERT INTO series (device, metric, position, unit) VALUES (1, 'heart_rate', 0, '/min')"
    )
    for at in (OLD, RECENT):
        batch = database.execute(
            "INSERT INTO landing_batch (received_at, messages, validated_at)"
            " VALUES (%(at)s, %(messages)s, %(at)s) RETURNING id",
            {"at": at, "messages": MESSAGES},
        ).fetchone()
        assert batch
        database.execute(
            "INSERT INTO landing (batch, received_at, gateway, topic, payload)"
            " SELECT %s, %s::timestamptz + number * interval '1 second', 'home-one', 'topic',"
            " convert_to(repeat('{\"heart_rate\": ' || number, 20), 'UTF8')"
            " FROM generate_series(1, %s) AS number",
            (batch[0], at, MESSAGES),
        )
    database.execute(
        "INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
        " SELECT received_at, source_of(id, 0::smallint, 1::smallint), 1, 0, 1, 60 FROM landing"
    )
    database.execute(
        "INSERT INTO refused (landing, item, part, reason, detail)"
        " VALUES (7, 0, 0, 'value_impossible', '')"
    )


def chunks(database: psycopg.Connection) -> list[tuple[datetime, bool]]:
    return database.execute(
        "SELECT range_start, is_compressed FROM timescaledb_information.chunks"
        " WHERE hypertable_name = 'landing' ORDER BY range_start"
    ).fetchall()


def test_the_edition_is_found_and_its_columnstore_switched_on_once(database: psycopg.Connection):
    assert retention.pack(database, days=30) == "timescale"
    jobs = "SELECT job_id, config ->> 'compress_after' FROM timescaledb_information.jobs"
    jobs += " WHERE proc_name = 'policy_compression'"
    made = database.execute(jobs.encode()).fetchall()
    assert [one[1] for one in made] == ["30 days"]
    assert retention.pack(database, days=30) == "timescale"
    assert database.execute(jobs.encode()).fetchall() == made
    retention.pack(database, days=60)
    assert [one[1] for one in database.execute(jobs.encode()).fetchall()] == ["60 days"]


def test_a_packed_day_is_smaller_and_found_as_before(database: psycopg.Connection):
    before = database.execute("SELECT id, payload FROM landing ORDER BY id").fetchall()
    size = retention.sizes(database).tables["landing"]
    chunk = database.execute("SELECT show_chunks('landing', older_than => %s)", (RECENT,))
    ((name,),) = chunk.fetchall()
    database.execute("SELECT compress_chunk(%s::regclass)", (name,))
    assert [one for _, one in chunks(database)] == [True, False]
    assert retention.sizes(database).tables["landing"] < size
    assert database.execute("SELECT id, payload FROM landing ORDER BY id").fetchall() == before
    row = database.execute("SELECT payload FROM landing WHERE id = 7").fetchone()
    assert row == (before[6][1],)


def test_a_packed_day_is_dropped_but_for_what_is_needed(database: psycopg.Connection):
    kept = database.execute("SELECT payload FROM landing WHERE id = 7").fetchone()
    would = retention.drop_old(database, NOW, months=13, dry_run=True)
    done = retention.drop_old(database, NOW, months=13)
    assert would == done
    assert (done.messages, done.kept, done.refused) == (MESSAGES - 1, 1, 1)
    ids = [row[0] for row in database.execute("SELECT id FROM landing ORDER BY id")]
    assert ids == [7, *range(MESSAGES + 1, 2 * MESSAGES + 1)]
    assert database.execute("SELECT payload FROM landing WHERE id = 7").fetchone() == kept
    assert chunks(database)[0] == (OLD.replace(hour=0), False)
    assert retention.drop_old(database, NOW, months=13).messages == 0


def test_the_readings_are_there_and_say_that_their_bytes_went(database: psycopg.Connection):
    stamp = OLD + timedelta(seconds=8)
    found = pages.way(database, 1, series=1, stamp=round(stamp.timestamp() * 1_000_000), sequence=0)
    assert found
    assert (found.item, found.reading["dropped_at"]) == (None, NOW)
    sizes = retention.sizes(database)
    assert (sizes.edition, sizes.readings, sizes.messages) == (
        "timescale",
        2 * MESSAGES,
        MESSAGES + 1,
    )
