"""Retention: old payloads go by whole days, what somebody needs of them stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from pydantic import ValidationError

from balise.settings import Settings
from care.web import pages
from devices.payloads import balise_v1
from flows import replay, retention, steps
from flows.replay import Asked, Hand
from ingest.receive import Delivery, land
from sql import people

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=420)
"""Older than thirteen months, which are 396 or 397 days."""
SCALE = "C0:00:00:00:00:01"


@pytest.fixture
def patient(database: psycopg.Connection) -> int:
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    people.set_identity(database, subject, family="Test", given="Retention")
    people.add_gateway(database, "home-one")
    since = NOW - timedelta(days=500)
    people.give(database, SCALE, subject, since=since, gateway="home-one")
    return subject


def send(database: psycopg.Connection, kilograms: str, at: datetime, device: str = SCALE) -> None:
    raw = int(Decimal(kilograms) / Decimal("0.005")).to_bytes(2, "little")
    item = balise_v1.Item(
        device=device, captured_at=at, service="181D", characteristic="2A9D", data="00" + raw.hex()
    )
    body = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(item))])
    land(database, [Delivery(1, 1, "balise/v1/home-one/frames", body)], at)


def drop(database: psycopg.Connection, *, dry_run: bool = False) -> retention.Dropped:
    return retention.drop_old(database, NOW, months=13, dry_run=dry_run)


def landed(database: psycopg.Connection) -> list[int]:
    return [row[0] for row in database.execute("SELECT id FROM landing ORDER BY id")]


def count(database: psycopg.Connection, table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    assert row
    return int(row[0])


def test_old_payloads_go_and_readings_and_rollups_stay(
    database: psycopg.Connection, database_url: str, patient: int
):
    days = [OLD, OLD + timedelta(days=1), NOW - timedelta(days=390), NOW]
    for number, at in enumerate(days):
        send(database, f"7{number}", at)
    steps.run_line(database_url, NOW)
    close_signals(database)
    before = (count(database, "reading"), count(database, "rollup"))
    account = count(database, "account")

    done = drop(database)
    assert (done.days, done.messages, done.kept) == (2, 2, 0)
    assert done.bytes > 0
    assert landed(database) == [3, 4]
    assert (count(database, "reading"), count(database, "rollup")) == before == (4, 8)
    assert count(database, "account") == account
    assert drop(database) == retention.Dropped()


def close_signals(database: psycopg.Connection) -> None:
    database.execute("UPDATE signal SET state = 'closed'")


def test_a_dry_run_says_what_would_go_and_drops_nothing(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)
    steps.run_line(database_url, NOW)
    would = drop(database, dry_run=True)
    assert landed(database) == [1]
    assert count(database, "landing_dropped") == 0
    assert drop(database) == would
    assert landed(database) == []


def test_what_is_not_validated_refused_and_new_or_an_open_signals_stays(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)  # 1: goes
    send(database, "70.5", OLD + timedelta(minutes=1), device="C0:FF:FF:FF:FF:FF")  # 2: refused
    send(database, "71", OLD + timedelta(minutes=2))  # 3: what a signal rests on
    send(database, "72", OLD + timedelta(minutes=3), device="C0:FF:FF:FF:FF:FE")  # 4: discarded
    steps.run_line(database_url, NOW)
    database.execute("UPDATE refused SET state = 'discarded' WHERE landing = 4")
    close_signals(database)
    database.execute(
        "INSERT INTO signal (subject, rule, rule_version, episode, severity, period_start,"
        " period_end, figures, evidence)"
        " SELECT subject, 'weight_gain', 1, '2025-10-01', 3, now(), now(), '{}',"
        " jsonb_build_array(concat_ws('/', series, (extract(epoch FROM stamped_at) * 1e6)::bigint,"
        " sequence)) FROM reading WHERE landing = 3"
    )
    send(database, "73", OLD + timedelta(minutes=4))  # 5: not validated yet
    bytes_before = payloads(database, [2, 3, 5])

    done = drop(database)
    assert (done.messages, done.kept) == (2, 3)
    assert (done.unvalidated, done.refused, done.evidence) == (1, 1, 1)
    assert landed(database) == [2, 3, 5]
    assert payloads(database, [2, 3, 5]) == bytes_before

    # Another night: the day is as small as it can be, and says again why it is there.
    again = drop(database)
    assert (again.days, again.messages, again.kept) == (0, 0, 3)

    steps.run_line(database_url, NOW)
    database.execute("UPDATE refused SET state = 'discarded'")
    close_signals(database)
    assert drop(database).messages == 3
    assert landed(database) == []
    assert count(database, "reading") == 3


def payloads(database: psycopg.Connection, ids: Sequence[int]) -> list[bytes]:
    return [
        bytes(row[0])
        for row in database.execute(
            "SELECT payload FROM landing WHERE id = ANY(%s) ORDER BY id", (list(ids),)
        )
    ]


def test_a_new_payload_never_gets_the_id_of_a_dropped_one(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)
    steps.run_line(database_url, NOW)
    drop(database)
    send(database, "71", NOW)
    assert landed(database) == [2]


def test_a_withdrawn_reading_has_its_page_without_its_bytes(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)
    steps.run_line(database_url, NOW)
    close_signals(database)
    key = database.execute(
        "SELECT series, (extract(epoch FROM stamped_at) * 1e6)::bigint, sequence FROM reading"
    ).fetchone()
    assert key
    database.execute("DELETE FROM assignment")
    replay.replay(database, Asked(), Hand(who="nurse", why="never hers"))
    database.execute("UPDATE refused SET state = 'discarded'")
    assert drop(database).messages == 1
    found = pages.way(database, patient, series=key[0], stamp=key[1], sequence=key[2])
    assert found
    assert (found.withdrawn, found.item) == (True, None)
    assert (found.reading["value"], found.reading["dropped_at"]) == (70, NOW)
    assert [(one["said"], one["why"]) for one in found.revisions] == [("withdrawn", "never hers")]


def test_the_way_of_a_reading_says_when_its_bytes_were_dropped(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)
    send(database, "71", NOW)
    steps.run_line(database_url, NOW)
    close_signals(database)
    assert [way(database, patient, landing).item is None for landing in (1, 2)] == [False, False]
    drop(database)
    gone, there = (way(database, patient, landing) for landing in (1, 2))
    assert there.item is not None
    assert gone.item is None
    assert gone.reading["dropped_at"] == NOW
    assert gone.reading["value"] == 70


def way(database: psycopg.Connection, patient: int, landing: int) -> pages.Way:
    row = database.execute(
        "SELECT series, (extract(epoch FROM stamped_at) * 1e6)::bigint, sequence FROM reading"
        " WHERE landing = %s",
        (landing,),
    ).fetchone()
    assert row
    found = pages.way(database, patient, series=row[0], stamp=row[1], sequence=row[2])
    assert found
    return found


def test_bytes_that_are_gone_without_retention_are_not_laid_at_its_door(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", NOW)
    steps.run_line(database_url, NOW)
    database.execute("DELETE FROM landing")
    found = way(database, patient, 1)
    assert (found.item, found.reading["dropped_at"]) == (None, None)


def test_two_at_once_drop_each_day_once(
    database: psycopg.Connection, database_url: str, patient: int
):
    for day in range(3):
        send(database, f"7{day}", OLD + timedelta(days=day))
    steps.run_line(database_url, NOW)
    close_signals(database)
    code = (
        "import sys, psycopg, datetime as d; from flows.retention import drop_old\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as connection:\n"
        "    print(drop_old(connection, d.datetime.fromisoformat(sys.argv[2]), months=13).messages)"
    )
    command = [sys.executable, "-c", code, database_url, NOW.isoformat()]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(one.communicate(timeout=60)[0]) for one in pair) == 3
    assert [one.returncode for one in pair] == [0, 0]
    assert count(database, "landing_dropped") == 3


def test_landing_goes_on_while_a_day_is_dropped(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, "70", OLD)
    steps.run_line(database_url, NOW)
    with psycopg.connect(database_url) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM landing")
        # Somebody reads what is to go: the drop gives up soon, and nobody waits behind it.
        assert drop(database) == retention.Dropped(busy=1)
    send(database, "71", NOW)
    assert drop(database).messages == 1


def test_the_commands_answer_in_json(
    database: psycopg.Connection, database_url: str, patient: int, monkeypatch: pytest.MonkeyPatch
):
    at = datetime.now(UTC)
    send(database, "70", at - timedelta(days=420))
    send(database, "71", at)
    steps.run_line(database_url, at)
    monkeypatch.setenv("BALISE_DATABASE_URL", database_url)
    would = balise("db", "retention", "--dry-run", "--json")
    assert (would["dry_run"], would["messages"], would["months"]) == (True, 1, 13)
    did = balise("db", "retention", "--json")
    assert (did["messages"], did["edition"]) == (1, "apache")
    size = balise("db", "size", "--json")
    assert (size["readings"], size["messages"]) == (2, 1)
    assert size["bytes_per_million_readings"]["reading"] == size["tables"]["reading"] * 500_000


def balise(*words: str) -> dict[str, object]:
    command = [sys.executable, "-m", "balise", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_payloads_are_kept_as_long_as_the_pages_reach_at_least():
    assert Settings().raw_months == 13
    with pytest.raises(ValidationError, match="greater than or equal to 4"):
        Settings(raw_months=3)
