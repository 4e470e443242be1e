"""Homes under load, chance from a seed, and the account at the end: what was given is what is."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import psycopg
import pytest

import sql
from bench import waiting
from bench.homes import Given, Home
from bench.line import Line, running
from devices.payloads import balise_v1
from flows import steps
from ingest.gateway import ranges

Addresses = Iterator[str]


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """Broker, database and a receiver process, in a throw-away home."""
    with running(prefect=False) as started:
        yield started


@pytest.fixture
def chance() -> random.Random:
    """The dice of a test, from BALISE_SEED or a new seed; either is printed."""
    seed = int(os.environ.get("BALISE_SEED") or random.randrange(1 << 30))  # noqa: S311
    print(f"BALISE_SEED={seed}")  # noqa: T201
    return random.Random(seed)  # noqa: S311


@pytest.fixture
def new_home(line: Line, chance: random.Random) -> Callable[[str], Home]:
    """Enrol homes, by what a test calls them."""

    def enrol(name: str) -> Home:
        digest = sha256(name.encode()).digest()[:6]
        address = ":".join(f"{byte:02X}" for byte in digest)
        return Home(line, f"home-{digest.hex()}", address, chance)

    return enrol


@pytest.fixture
def home(new_home: Callable[[str], Home], request: pytest.FixtureRequest) -> Home:
    """A home of the test's own."""
    return new_home(request.node.name)


@pytest.fixture
def until() -> Callable[..., float]:
    return wait


def wait(
    condition: Callable[[], object],
    seconds: float = waiting.PATIENCE_SECONDS,
    keep: Line | None = None,
    pause: float = 0.02,
) -> float:
    """Wait for something, keeping a line's processes running; return the seconds it took."""
    meanwhile = keep.keep_running if keep else lambda: None
    return waiting.until(condition, seconds, meanwhile=meanwhile, poll=pause)


@pytest.fixture
def closed() -> Callable[..., dict[str, int]]:
    """Close the accounts of homes: everything given is there once, and nothing else is."""

    def close(line: Line, *homes: Home) -> dict[str, int]:
        with psycopg.connect(line.settings.database_url, autocommit=True) as database:
            wait(lambda: all(one.depth() == 0 for one in homes), keep=line)
            # The bad line sends again what has its receipt: it may land at any moment.
            with suppress(TimeoutError):
                wait(
                    lambda: (
                        worked_off(line, database)
                        and not any(discrepancies(database, one) for one in homes)
                    ),
                    keep=line,
                )
            for one in homes:
                assert discrepancies(database, one) == {}
            return figures(database, [one.name for one in homes])

    return close


def worked_off(line: Line, database: psycopg.Connection) -> bool:
    """Work off what is there; say whether that was all: what comes late may land after it."""
    steps.run_line(line.settings.database_url)
    return not behind(database)


def behind(database: psycopg.Connection) -> bool:
    row = database.execute(sql.get("flows.behind")).fetchone()
    return row is None or any(row)


Beat = tuple[str, Any, int]


def key(one: Given) -> Beat:
    return one.device, one.at, one.value


def discrepancies(database: psycopg.Connection, home: Home) -> dict[str, Any]:
    """Return what differs between a home's ledger and what the server says of it; nothing should.

    Nothing of ours is asked twice the same way: readings are found by their device, refusals by the
    payload they point at, receipts by their ranges, and the account by counting payloads.
    """
    given = home.ledger.read()
    stored = readings(database, home.device)
    wanted = Counter(key(one) for one in given if not one.refused)
    refused = {(*key(one), one.refused) for one in given if one.refused}
    found: dict[str, Any] = {
        "lost": wanted - stored,
        "doubled": stored - wanted,
        "refused otherwise": refused ^ refusals(database, home.name),
        "without receipt": ranges.minus(((1, len(given)),), receipts(database, home.name)),
        "account": account(database, home.name, stored.total()),
        "rollups": rolled(database, home.name) - stored.total(),
    }
    return {what: some for what, some in found.items() if some}


def readings(database: psycopg.Connection, device: str) -> Counter[Beat]:
    rows = database.execute(
        "SELECT address, taken_at, value::int FROM reading JOIN series ON series.id = series"
        " JOIN device ON device.id = device WHERE address = %s AND metric = 'heart_rate'",
        (device,),
    )
    return Counter(rows.fetchall())


def refusals(database: psycopg.Connection, gateway: str) -> set[tuple[Any, ...]]:
    rows = database.execute(
        "SELECT payload, item, reason FROM refused JOIN landing ON landing.id = landing"
        " WHERE refused.gateway = %s",
        (gateway,),
    )
    items = [([*balise_v1.read(payload).every()][item], reason) for payload, item, reason in rows]
    return {(item.device, item.captured_at, int(item.data, 16), reason) for item, reason in items}


def receipts(database: psycopg.Connection, gateway: str) -> ranges.Ranges:
    rows = database.execute("SELECT stored FROM receipt WHERE gateway = %s", (gateway,))
    return ranges.merged((one.lower, one.upper - 1) for (stored,) in rows for one in stored)


def account(database: psycopg.Connection, gateway: str, stored: int) -> dict[str, Any]:
    """Return where the account is not what the payloads and the readings say."""
    kept = database.execute(
        "SELECT sum(messages), sum(landed), sum(accepted), sum(duplicate), sum(refused),"
        " (SELECT count(*) FROM landing_batch WHERE validated_at IS NULL) FROM account"
        " WHERE gateway = %s",
        (gateway,),
    ).fetchone()
    assert kept
    messages, landed, accepted, duplicate, refused, waiting = kept
    payloads = database.execute("SELECT payload FROM landing WHERE gateway = %s", (gateway,))
    sizes = [sum(1 for _ in balise_v1.read(payload).every()) for (payload,) in payloads]
    sums = {
        "messages": messages - len(sizes),
        "items": landed - sum(sizes),
        "accepted": accepted - stored,
        "sum": landed - accepted - duplicate - refused,
        "waiting": waiting,
    }
    return {what: difference for what, difference in sums.items() if difference}


def rolled(database: psycopg.Connection, gateway: str) -> int:
    row = database.execute(
        "SELECT coalesce(sum(n), 0) FROM rollup JOIN subject ON subject.id = subject"
        " WHERE size = 'day' AND code = %s",
        (gateway,),
    ).fetchone()
    assert row
    return int(row[0])


def figures(database: psycopg.Connection, gateways: list[str]) -> dict[str, int]:
    """Return what became of everything of some homes, to be printed."""
    row = database.execute(
        "SELECT sum(messages), sum(landed), sum(accepted), sum(duplicate), sum(refused)"
        " FROM account WHERE gateway = ANY(%s)",
        (gateways,),
    ).fetchone()
    assert row
    names = ("messages", "landed", "accepted", "duplicate", "refused")
    return dict(zip(names, map(int, row), strict=True))
