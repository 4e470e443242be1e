"""Migrations on a database that is in use already: what was there stays, and means what it did."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

import sql
from balise.stack import Endpoints
from devices.payloads import balise_v1
from flows import replay
from flows.replay import Asked, Hand
from sql import readings
from sql.migrate import migrate
from sql.readings import Accounting

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEFORE_REPLAY = 8


@pytest.fixture
def old(endpoints: Endpoints) -> Iterator[str]:
    """A database of before replays, with a weight, the same again, and an unknown device's."""
    with psycopg.connect(endpoints.database_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE before_replay TEMPLATE template0")
        url = f"{endpoints.database_url.rpartition('/')[0]}/before_replay"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.get("migration.create_table"))
            for number, (name, text) in sql.migrations().items():
                if number <= BEFORE_REPLAY:
                    connection.execute(text)
                    connection.execute(
                        sql.get("migration.record"), {"number": number, "name": name}
                    )
            filled(connection)
        yield url
        admin.execute("DROP DATABASE before_replay WITH (FORCE)")


def message(*devices: str) -> bytes:
    items = [
        balise_v1.Item(
            device=device,
            captured_at=NOW,
            service="181D",
            characteristic="2A9D",
            data="00803e",
        )
        for device in devices
    ]
    bodies = [balise_v1.encode_item(item) for item in items]
    return balise_v1.encode_message(UUID(int=1), enumerate(bodies, 1))


def filled(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO subject (code) VALUES ('p-one')")
    connection.execute("INSERT INTO device (address) VALUES ('AA')")
    connection.execute("INSERT INTO assignment (device, subject, during) VALUES (1, 1, '[,)')")
    connection.execute(
        "INSERT INTO landing_batch (received_at, messages, validated_at)"
        " VALUES (%(now)s, 1, %(now)s), (%(now)s, 1, %(now)s)",
        {"now": NOW},
    )
    connection.cursor().executemany(
        "INSERT INTO landing (batch, received_at, gateway, topic, payload)"
        " VALUES (%s, %s, 'home-one', 't', %s)",
        [(1, NOW, message("AA", "AA")), (2, NOW, message("BB"))],
    )
    connection.execute(
        "INSERT INTO account VALUES (1, 'home-one', 1, 2, 1, 1, 0), (2, 'home-one', 1, 1, 0, 0, 1)"
    )
    connection.execute(
        "INSERT INTO series (device, metric, position, unit) VALUES (1, 'body_weight', 0, 'kg')"
    )
    connection.execute(
        "INSERT INTO reading (stamped_at, taken_at, landing, series, sequence, subject, quality,"
        " item, decoder, value) VALUES (%(now)s, %(now)s, 1, 1, %(crc)s, 1, 0, 0, 1, 80.000)",
        {"now": NOW, "crc": zlib.crc32(b"00803e") & 0x7FFFFFFF},
    )
    connection.execute(
        "INSERT INTO reading_revision VALUES (1, %s, 7, 70, 71, 1, 2, now(), 'by hand')", (NOW,)
    )
    connection.execute("INSERT INTO refused VALUES (2, 0, 0, 'device_unknown', 'unknown')")


def test_what_was_there_stays_and_can_be_replayed(old: str):
    assert "0009_replay.sql" in migrate(old)
    with psycopg.connect(old, autocommit=True) as connection:
        revision = connection.execute(
            "SELECT kind, old_value, why FROM reading_revision"
        ).fetchone()
        assert revision == ("changed", 70, "by hand")
        refused = connection.execute("SELECT gateway, received_at, device, state FROM refused")
        assert refused.fetchone() == ("home-one", NOW, "", "new")
        traced = connection.execute("SELECT traced FROM landing_batch ORDER BY id").fetchall()
        assert traced == [(False,), (True,)]
        hand = Hand(who="test", why="migrated")
        assert replay.replay(connection, Asked(), hand).changed() == 0
        assert connection.execute("SELECT landing, item FROM duplicate").fetchall() == [(1, 1)]
        connection.execute("INSERT INTO device (address) VALUES ('BB')")
        connection.execute("INSERT INTO assignment (device, subject, during) VALUES (2, 1, '[,)')")
        replay.replay(connection, Asked(device=2), hand)
        assert readings.account(connection) == Accounting(
            messages=2, landed=3, accepted=2, duplicate=1
        )
        values = connection.execute("SELECT value FROM reading").fetchall()
        assert values == [(Decimal("80.000"),)] * 2


WIDE = (
    "SELECT stamped_at, taken_at, landing, series, sequence, subject, quality, item, decoder,"
    " value::text, sent::text FROM reading ORDER BY series, stamped_at, sequence"
)


def test_readings_of_the_wide_table_are_the_same_in_the_narrow_one(old: str):
    """Plain ones, clocked ones, converted ones, flagged ones, and several of one moment."""
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO reading SELECT %(now)s::timestamptz + n %% 200 * interval '1 hour',"
            " %(now)s::timestamptz + n %% 200 * interval '1 hour'"
            " - CASE n %% 3 WHEN 0 THEN interval '1 hour' ELSE interval '0' END,"
            " 1000 - n, 1, n, 1, CASE n %% 7 WHEN 0 THEN 1::bigint << 42 ELSE 0 END, n %% 50,"
            " n %% 256, n / 10.0, CASE n %% 5 WHEN 0 THEN n / 22.0 END"
            " FROM generate_series(1, 600) AS n",
            {"now": NOW},
        )
        before = connection.execute(WIDE).fetchall()
        migrate(old)
        assert connection.execute(WIDE).fetchall() == before
        assert connection.execute("SELECT count(*) FROM packed_beside").fetchone() == (401,)


def test_what_several_devices_told_is_computed_again(old: str):
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute("INSERT INTO device (address) VALUES ('BB')")
        connection.execute("INSERT INTO assignment (device, subject, during) VALUES (2, 1, '[,)')")
        connection.execute(
            "INSERT INTO series (device, metric, position, unit) VALUES"
            " (1, 'step_count', 0, '1'), (2, 'step_count', 0, '1'), (2, 'heart_rate', 0, '/min')"
        )
        connection.execute(
            "INSERT INTO dirty_window (subject, metric, day, done, stamped_from, stamped_to,"
            " last_at) SELECT 1, metric, %(now)s::date, 1, %(now)s, %(now)s, %(now)s FROM series"
            " GROUP BY metric",
            {"now": NOW},
        )
        migrate(old)
        behind = connection.execute("SELECT metric FROM dirty_window WHERE done < generation")
        assert behind.fetchall() == [("step_count",)]
