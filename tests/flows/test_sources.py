"""Two devices for one metric through the line: one counts, the other is kept, nothing is summed."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from bench.waiting import until
from devices.payloads import balise_v1
from flows import steps
from flows.aggregate import Recomputed, recompute
from sql import people, preferred, signals

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PHONE, WATCH = "C0:00:00:00:00:0A", "C0:00:00:00:00:0B"
CUFF, APP = "C0:00:00:00:00:0C", "C0:00:00:00:00:0D"
SCALE = "C0:00:00:00:00:01"

Send = Callable[..., None]


def document(device: str, schema: str, body: dict[str, Any], at: datetime) -> bytes:
    name, version = schema.split("/")
    text = json.dumps(
        {
            "header": {"schema_id": {"namespace": "omh", "name": name, "version": version}},
            "body": body,
        }
    )
    return balise_v1.encode_item(
        balise_v1.Item(device=device, captured_at=at, convention="open_mhealth", document=text)
    )


def steps_of(device: str, end: datetime, count: int) -> bytes:
    """Steps of the ten minutes up to a moment."""
    interval = {
        "start_date_time": (end - timedelta(minutes=10)).isoformat(),
        "end_date_time": end.isoformat(),
    }
    body = {
        "step_count": {"value": count, "unit": "steps"},
        "effective_time_frame": {"time_interval": interval},
    }
    return document(device, "step-count/3.0", body, end)


def pressure(device: str, at: datetime, systolic: int, diastolic: int) -> bytes:
    body = {
        "systolic_blood_pressure": {"value": systolic, "unit": "mmHg"},
        "diastolic_blood_pressure": {"value": diastolic, "unit": "mmHg"},
        "effective_time_frame": {"date_time": at.isoformat()},
    }
    return document(device, "blood-pressure/4.0", body, at)


def enrol(database: psycopg.Connection, pathway: str = "hypertension") -> int:
    subject = people.add_subject(database, "p-one", pathway=pathway)
    for address in (PHONE, WATCH, CUFF, APP, SCALE):
        people.give(database, address, subject, since=NOW - timedelta(days=90))
    return subject


@pytest.fixture
def somebody(database: psycopg.Connection) -> int:
    return enrol(database)


def number(database: psycopg.Connection, address: str) -> int:
    found = people.device(database, address)
    assert found is not None
    return found


def aggregated(database: psycopg.Connection) -> int:
    return steps.drain(lambda: recompute(database), Recomputed()).windows


def taken(database: psycopg.Connection) -> int:
    steps.validate(database)
    return aggregated(database)


def rows(database: psycopg.Connection, query: str) -> Sequence[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


WALKED = "SELECT day, sum FROM rollup WHERE metric = 'step_count' AND size = 'day' ORDER BY day"


def walks(days: Sequence[int]) -> list[bytes]:
    """A watch that is worn for three hours of each day, a telephone carried for one of them."""
    return [
        body
        for day in days
        for body in (
            steps_of(PHONE, NOW - timedelta(days=day, hours=1), 900),
            *(steps_of(WATCH, NOW - timedelta(days=day, hours=hour), 500) for hour in range(3)),
        )
    ]


def test_two_step_counters_are_never_summed_and_both_are_kept(
    database: psycopg.Connection, somebody: int, send: Send
):
    send(database, *walks([0]))
    assert taken(database) == 1
    assert rows(database, WALKED) == [(date(2026, 11, 25), 1500.0)]
    assert rows(database, "SELECT count(*), sum(value) FROM reading") == [(4, 2400)]
    assert rows(
        database,
        "SELECT address, counts, reason, n, hours FROM source"
        " JOIN device ON device.id = device ORDER BY place",
    ) == [(WATCH, True, "", 3, 3), (PHONE, False, "coverage", 1, 1)]


def windows(database: psycopg.Connection) -> dict[tuple[str, date], int]:
    found = database.execute("SELECT metric, day, generation FROM dirty_window")
    return {(metric, day): generation for metric, day, generation in found}


def test_a_preference_recomputes_the_days_it_touches_and_no_other(
    database: psycopg.Connection, somebody: int, send: Send
):
    alone, with_another = NOW - timedelta(days=5), NOW - timedelta(days=4)
    send(
        database,
        *walks([0, 1, 2]),
        steps_of(WATCH, alone, 700),
        steps_of(WATCH, with_another, 800),
        steps_of(APP, with_another, 801),
        pressure(CUFF, NOW, 130, 80),
        pressure(APP, NOW, 130, 80),
    )
    taken(database)
    before = windows(database)
    phone = number(database, PHONE)
    marked = preferred.prefer(database, somebody, metric="step_count", device=phone, who="nurse")
    assert marked == 3
    assert aggregated(database) == 3
    assert [total for _, total in rows(database, WALKED)] == [700.0, 800.0, 900.0, 900.0, 900.0]
    again = {place for place, generation in windows(database).items() if generation > before[place]}
    assert again == {("step_count", NOW.date() - timedelta(days=day)) for day in (0, 1, 2)}

    twice = preferred.prefer(database, somebody, metric="step_count", device=phone, who="nurse")
    assert (twice, aggregated(database)) == (0, 0)
    assert preferred.prefer(database, somebody, metric="step_count", device=None, who="doctor") == 3
    aggregated(database)
    assert [total for _, total in rows(database, WALKED)] == [700.0, 800.0, 1500.0, 1500.0, 1500.0]
    history = [
        (row["who"], row["address"], row["holds"])
        for row in preferred.preferences(database, somebody)
    ]
    assert history == [("doctor", None, True), ("nurse", PHONE, False)]


def test_what_a_device_is_said_to_be_puts_it_where_the_pathway_has_it(
    database: psycopg.Connection, send: Send
):
    subject = enrol(database, pathway="respiratory_failure")

    def saturation(device: str, value: int, minutes: int) -> bytes:
        at = NOW - timedelta(minutes=minutes)
        body = {
            "oxygen_saturation": {"value": value, "unit": "%"},
            "effective_time_frame": {"date_time": at.isoformat()},
        }
        return document(device, "oxygen-saturation/2.0", body, at)

    send(database, saturation(CUFF, 94, 5), saturation(WATCH, 81, 3), saturation(WATCH, 83, 1))
    taken(database)
    median = "SELECT median FROM rollup WHERE size = 'day' AND metric = 'oxygen_saturation'"
    assert rows(database, median) == [(83.0,)]
    assert preferred.describe(database, number(database, CUFF), "pulse_oximeter") == 1
    assert aggregated(database) == 1
    assert rows(database, median) == [(94.0,)]
    assert {*judged(database, subject, "oxygen_saturation")["value"]} == {94}


def judged(database: psycopg.Connection, subject: int, metric: str) -> pl.DataFrame:
    """The readings that rules and summaries are given."""
    return signals.readings(
        database,
        subject,
        metrics=[metric],
        since=NOW.date() - timedelta(days=30),
        as_of=NOW + timedelta(days=1),
    )


def test_a_pressure_that_cuff_and_application_tell_counts_once_for_rollup_and_rule(
    database: psycopg.Connection, somebody: int, send: Send
):
    at = NOW - timedelta(hours=2, seconds=-41)
    send(
        database,
        pressure(CUFF, at, 135, 85),
        pressure(APP, at.replace(second=0), 135, 85),
        pressure(APP, at + timedelta(minutes=30), 120, 80),
    )
    taken(database)
    for metric in ("systolic_blood_pressure", "diastolic_blood_pressure"):
        n = f"SELECT n FROM rollup WHERE size = 'day' AND metric = '{metric}'"  # noqa: S608
        assert rows(database, n) == [(2,)]
        assert len(judged(database, somebody, metric)) == 2
    assert rows(database, "SELECT count(*) FROM reading") == [(6,)]
    assert rows(
        database,
        "SELECT kind, device.address, metric FROM finding"
        " JOIN (SELECT id, device FROM series) AS s ON s.id = finding.series"
        " JOIN device ON device.id = s.device ORDER BY metric",
    ) == [
        ("cross_source", APP, "diastolic_blood_pressure"),
        ("cross_source", APP, "systolic_blood_pressure"),
    ]


FAST = "SELECT day FROM finding WHERE kind = 'rate_of_change' ORDER BY day"


def test_a_late_weight_is_compared_with_the_day_after(
    database: psycopg.Connection, somebody: int, send: Send, weight: Callable[..., bytes]
):
    send(database, weight("75.0", NOW), weight("75.0", NOW - timedelta(days=9)))
    assert taken(database) == 2
    assert rows(database, FAST) == []
    send(database, weight("85.0", NOW - timedelta(days=1)))
    # The late day, then the one after it, since the reading before its first is another now.
    assert taken(database) == 2
    assert rows(database, FAST) == [(NOW.date(),)]
    assert rows(database, "SELECT count(*) FROM window_recheck") == [(0,)]
    assert aggregated(database) == 0


def test_a_run_that_was_killed_before_it_marked_the_day_after_is_made_good_by_the_next(
    database: psycopg.Connection, somebody: int, send: Send, weight: Callable[..., bytes]
):
    send(database, weight("75.0", NOW))
    taken(database)
    send(database, weight("85.0", NOW - timedelta(days=1)))
    steps.validate(database)
    assert recompute(database).windows == 1
    assert rows(database, FAST) == []
    assert aggregated(database) == 1
    assert rows(database, FAST) == [(NOW.date(),)]


STATE = (
    "SELECT * FROM source",
    (
        "SELECT metric, day, device, stamped_at, sequence, kind, other_stamped_at, other_sequence"
        " FROM finding JOIN (SELECT id, device FROM series) AS s ON s.id = finding.series"
    ),
    "SELECT metric, day, device, stamped_at, sequence, value FROM window_last",
    "SELECT * FROM rollup",
)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_and_of_preferences_means_nothing(
    new_database: Callable[[], str], send: Send, weight: Callable[..., bytes], seed: int
):
    chance = random.Random(seed)  # noqa: S311
    bodies = everything(chance, weight)
    found = []
    for portions in (1, 15):
        with psycopg.connect(new_database(), autocommit=True) as database:
            subject = enrol(database)
            for place in range(portions):
                send(database, *bodies[place::portions])
                steps.validate(database)
                if portions > 1:
                    preferred.prefer(
                        database,
                        subject,
                        metric=chance.choice(("", "step_count", "systolic_blood_pressure")),
                        device=chance.choice((None, number(database, chance.choice((PHONE, APP))))),
                        who="chance",
                    )
                    recompute(database)
            for metric in ("", "step_count"):
                preferred.prefer(database, subject, metric=metric, device=None, who="end")
            app = number(database, APP)
            preferred.prefer(
                database, subject, metric="systolic_blood_pressure", device=app, who="end"
            )
            aggregated(database)
            found.append([sorted(rows(database, query), key=repr) for query in STATE])
            chance.shuffle(bodies)
    for once, in_portions in zip(*found, strict=True):
        assert once
        assert once == in_portions


def everything(chance: random.Random, weight: Callable[..., bytes]) -> list[bytes]:
    bodies = []
    for day in range(12):
        for _ in range(2):
            at = NOW - timedelta(days=day, minutes=chance.randrange(1, 600))
            told = (at, chance.randrange(128, 131), 80)
            bodies += [pressure(CUFF, *told), weight(f"{chance.choice((70, 76))}.0", at)]
            if chance.random() < 0.6:
                bodies.append(pressure(APP, at + timedelta(seconds=20), *told[1:]))
            bodies.append(steps_of(chance.choice((PHONE, WATCH)), at, chance.randrange(900)))
    return bodies


def test_a_preference_waits_for_the_run_that_recomputes_and_misses_nothing_of_it(
    database: psycopg.Connection, database_url: str, somebody: int, send: Send
):
    phone = number(database, PHONE)
    marked: list[int] = []

    def prefer() -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            marked.append(
                preferred.prefer(other, somebody, metric="step_count", device=phone, who="nurse")
            )

    send(database, *walks([0]))
    steps.validate(database)
    nurse = threading.Thread(target=prefer)
    with database.transaction():
        assert recompute(database).windows == 1
        nurse.start()
        with psycopg.connect(database_url, autocommit=True) as watcher:
            until(lambda: rows(watcher, "SELECT FROM pg_locks WHERE NOT granted"))
    nurse.join()
    assert marked == [1]
    aggregated(database)
    assert rows(database, WALKED) == [(NOW.date(), 900.0)]
