"""Patients, devices, and messages that land: what tests of the steps speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from devices.payloads import balise_v1
from flows import steps
from flows.aggregate import Recomputed, recompute
from ingest.receive import Delivery, land
from sql import people
from sql.readings import Accounting

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"


def weighing(kilograms: str, at: datetime, device: str = SCALE, **more: Any) -> bytes:
    """A weight scale's frame without a clock of its own, as a gateway spools it."""
    raw = int(Decimal(kilograms) / Decimal("0.005"))
    return balise_v1.encode_item(
        balise_v1.Item(
            device=device,
            captured_at=at,
            service="181D",
            characteristic="2A9D",
            data=(b"\x00" + raw.to_bytes(2, "little")).hex(),
            **more,
        )
    )


@pytest.fixture
def weight() -> Callable[..., bytes]:
    return weighing


def landing(
    database: psycopg.Connection, *bodies: bytes, at: datetime = NOW, gateway: str = "home-one"
) -> None:
    payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
    land(database, [Delivery(1, 1, f"balise/v1/{gateway}/frames", payload)], at)


@pytest.fixture
def send() -> Callable[..., None]:
    return landing


@pytest.fixture
def patient(database: psycopg.Connection) -> int:
    """Somebody who has had the scale for three months."""
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    people.give(database, SCALE, subject, since=NOW - timedelta(days=90))
    return subject


@pytest.fixture
def lands(database: psycopg.Connection) -> Callable[..., Accounting]:
    """Land a message, validate it and bring the rollups up to date."""

    def land_and_validate(*bodies: bytes, **more: Any) -> Accounting:
        landing(database, *bodies, **more)
        done = steps.validate(database)
        steps.drain(lambda: recompute(database), Recomputed())
        return done

    return land_and_validate


def copied(old: psycopg.Connection, new: psycopg.Connection, table: str) -> None:
    everything = f"COPY (SELECT * FROM {table}) TO STDOUT"  # noqa: S608
    with (
        old.cursor().copy(everything.encode()) as out,
        new.cursor().copy(f"COPY {table} FROM STDIN".encode()) as into,
    ):
        for block in out:
            into.write(block)


STATE = {
    "readings": "SELECT device, metric, position, unit, stamped_at, sequence, taken_at, subject,"
    " quality, landing, item, value::text, sent::text FROM reading"
    " JOIN series ON series.id = series",
    "refused": "SELECT landing, item, part, reason, detail, gateway, received_at, device"
    " FROM refused WHERE state = 'new'",
    "duplicates": "SELECT landing, item, device, metric, position, unit, stamped_at, sequence,"
    " value FROM duplicate JOIN series ON series.id = series",
    "accounts": "SELECT * FROM account",
    "rollups": "SELECT * FROM rollup",
    "sources": "SELECT * FROM source",
    "findings": "SELECT subject, finding.metric, day, device, position, unit, stamped_at, sequence,"
    " kind, other_stamped_at, other_sequence FROM finding JOIN series ON series.id = series",
    "lasts": "SELECT subject, window_last.metric, day, window_last.device, position, stamped_at,"
    " sequence, taken_at, value FROM window_last JOIN series ON series.id = series",
    "windows": "SELECT subject, metric, day, last_at FROM dirty_window WHERE last_at IS NOT NULL",
}


def state(connection: psycopg.Connection) -> dict[str, Sequence[tuple[Any, ...]]]:
    return {
        name: sorted(connection.execute(query.encode()).fetchall(), key=repr)
        for name, query in STATE.items()
    }


def fresh_of(connection: psycopg.Connection, fresh: psycopg.Connection) -> None:
    """Give an empty database the same landing and registry, and validate it there."""
    for table in ("subject", "device", "assignment", "mapping", "landing"):
        copied(connection, fresh, table)
    fresh.cursor().executemany(
        "INSERT INTO landing_batch (id, received_at, messages) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, %s)",
        connection.execute("SELECT id, received_at, messages FROM landing_batch").fetchall(),
    )
    while steps.validate(fresh).messages:
        pass
    while recompute(fresh).windows:
        pass


@pytest.fixture
def unlike_a_fresh_validation(
    new_database: Callable[[], str],
) -> Callable[[psycopg.Connection], list[str]]:
    """Say what of a database is not as a fresh validation of its landing leaves it.

    The oracle is the validate flow itself, on an empty database that is given the same landed
    messages and the registry, mappings and decoder of now.
    """

    def compare(connection: psycopg.Connection) -> list[str]:
        with psycopg.connect(new_database(), autocommit=True) as fresh:
            fresh_of(connection, fresh)
            ended, began = state(connection), state(fresh)
            assert began["readings"]
            return [name for name in STATE if ended[name] != began[name]]

    return compare
