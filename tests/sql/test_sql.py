from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import sql
from balise.stack import Endpoints
from sql.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("balise", "devices", "ingest", "flows", "care", "demo", "bench", "sql")
NOT_PREPARED = {
    "flows.listen": "LISTEN can't be prepared",
    "asked.listen": "nor this one",
    "migration.create_table": "nor can CREATE TABLE",
    "dump.snapshot": "nor can SET",
    "readings.stage": "a temporary table ends with its transaction",
    "readings.stage_accepted": "as does this one",
    **dict.fromkeys(
        (
            f"readings.{name}"
            for name in (
                *("copy_staged", "place", "span_of_staged", "place_beside", "note_duplicates"),
                *("windows_of_accepted", "count_accepted", "unstage"),
            )
        ),
        "needs them",
    ),
    "replay.stage": "a temporary table ends with its transaction",
    **dict.fromkeys(
        (
            f"replay.{name}"
            for name in (
                *("weigh", "withdraw", "withdraw_beside", "move_up", "change", "change_beside"),
                *("stage_new", "keep", "windows_of_revised", "settle"),
                *("compare_duplicates", "unstage"),
            )
        ),
        "needs it",
    ),
    "bench.empty": "nor can DO",
    "bench.validate_anew": "nor can DO",
    "bench.checkpoint": "nor can CHECKPOINT",
    "bench.analyse": "nor can VACUUM",
    "bench.create_peer_table": "makes a table",
    "bench.peer_has": "needs it",
    "bench.peer_stored": "needs it",
    "bench.insert_peer_reading": "needs it",
    "bench.values": "of any table",
    "bench.remember": "of any table",
    "bench.put_in_again": "of any table",
    "retention.find_needed": "makes a temporary table",
    "retention.count_needed": "needs it",
    "retention.set_aside": "makes a temporary table",
    "retention.put_back": "needs it",
    "retention.remember": "needs it",
    **dict.fromkeys(
        (f"erasure.{name}" for name in ("own_devices", "refusals", "duplicates", "messages")),
        "makes a temporary table",
    ),
    **dict.fromkeys(
        (
            f"erasure.{name}"
            for name in (
                *("refused_event", "refused", "duplicate", "landing_dropped", "landing"),
                *("asked_replay", "series", "device"),
            )
        ),
        "needs them",
    ),
}


def sources() -> dict[Path, str]:
    return {
        path: path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }


@pytest.mark.parametrize("name", sql.queries())
def test_every_query_is_used_and_says_why_it_is_there(name: str):
    assert any(f'"{name}"' in text for text in sources().values())
    assert sql.get(name).startswith("-- ")


@pytest.fixture(scope="module")
def schema(new_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(new_database(), autocommit=True) as connection:
        yield connection


@pytest.mark.stack
@pytest.mark.parametrize("name", sql.queries())
def test_every_query_is_one_the_database_understands(schema: psycopg.Connection, name: str):
    text = re.sub(r"%\((\w+)\)s", "NULL", sql.get(name)).replace("%%", "%")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    if name in NOT_PREPARED or text.startswith("COPY"):
        return
    schema.execute(f"PREPARE query AS {text}".encode())
    schema.execute("DEALLOCATE query")


def test_no_sql_is_written_in_python():
    statement = re.compile(r'"""?\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|COPY)\s', re.ASCII)
    exceptions = {ROOT / "balise/stack/postgres.py", ROOT / "ingest/gateway/spool.py"}
    found = [path for path, text in sources().items() if statement.search(text)]
    assert set(found) <= exceptions


@pytest.mark.stack
def test_migrating_twice_does_nothing(database_url: str):
    assert migrate(database_url) == []


@pytest.mark.stack
def test_the_schema_needs_the_apache_edition_only(endpoints: Endpoints):
    with psycopg.connect(endpoints.database_url) as connection:
        row = connection.execute("SHOW timescaledb.license").fetchone()
    assert row == ("apache",)


def test_migrations_are_numbered_without_a_gap():
    assert list(sql.migrations()) == list(range(1, len(sql.migrations()) + 1))


@pytest.mark.stack
@pytest.mark.parametrize("account", ["1, 'home-1', 1, 3, 1, 1, 0", "1, 'home-1', 4, 3, 1, 1, 1"])
def test_an_account_that_does_not_add_up_is_refused_by_the_database(
    database: psycopg.Connection, account: str
):
    database.execute("INSERT INTO landing_batch (received_at, messages) VALUES (now(), 1)")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(f"INSERT INTO account VALUES ({account})".encode())  # noqa: S608


@pytest.mark.stack
def test_a_device_is_one_persons_at_a_time(database: psycopg.Connection):
    database.execute("INSERT INTO subject (code) VALUES ('p-one'), ('p-two')")
    database.execute("INSERT INTO device (address) VALUES ('AA')")
    give = "INSERT INTO assignment (device, subject, slot, during) VALUES (1, {}, {}, {})"
    database.execute(give.format(1, "NULL", "'[2026-01-01,2026-02-01)'").encode())
    database.execute(give.format(2, "NULL", "'[2026-02-01,)'").encode())
    with pytest.raises(psycopg.errors.ExclusionViolation):
        database.execute(give.format(2, "NULL", "'[2026-01-15,2026-01-16)'").encode())


def test_each_advisory_lock_has_a_number_of_its_own():
    numbers = [
        number.lower()
        for text in sources().values()
        for number in re.findall(r"0x62616c[0-9a-f]+", text, re.IGNORECASE)
    ]
    assert len(numbers) == len(set(numbers)) >= 4
