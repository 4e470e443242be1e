"""Landing to signals on a real database: exact accounting, and doing it twice changes nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from care.plan import Plan
from care.web import pages
from devices.payloads import balise_v1
from flows import judging, steps
from ingest.receive import Delivery, land
from sql import people, plans, readings, signals

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE, CUFF = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


@pytest.fixture
def patient(database: psycopg.Connection) -> int:
    since = NOW - timedelta(days=90)
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    people.set_identity(database, subject, family="Secret", given="Name")
    people.add_gateway(database, "home-one")
    for address in (SCALE, CUFF):
        people.give(database, address, subject, since=since, gateway="home-one")
    plans.sign(database, subject, Plan().content(), over=0, who="doctor")
    return subject


def weight(kilograms: str, at: datetime, device: str = SCALE) -> bytes:
    raw = int(Decimal(kilograms) / Decimal("0.005"))
    return balise_v1.encode_item(
        balise_v1.Item(
            device=device,
            captured_at=at,
            service="181D",
            characteristic="2A9D",
            data=(b"\x00" + raw.to_bytes(2, "little")).hex(),
        )
    )


def send(database: psycopg.Connection, *bodies: bytes, at: datetime = NOW) -> None:
    payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
    land(database, [Delivery(1, 1, "balise/v1/home-one/frames", payload)], at)


def run(database_url: str, as_of: datetime = NOW) -> steps.Line:
    return steps.run_line(database_url, as_of)


def rollups(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT * FROM rollup ORDER BY subject, metric, size, bucket_start"
    ).fetchall()


def test_landed_is_accepted_and_duplicate_and_refused(
    database: psycopg.Connection, database_url: str, patient: int
):
    one = weight("75.0", NOW)
    send(database, one, one, weight("1.0", NOW), weight("75", NOW, "unknown"))
    send(database, one)
    account = run(database_url).accounting
    assert account == readings.Accounting(messages=2, landed=5, accepted=1, duplicate=2, refused=2)
    assert database.execute("SELECT count(*) FROM reading").fetchone() == (1,)
    reasons = {row[0] for row in database.execute("SELECT reason FROM refused")}
    assert reasons == {"value_impossible", "device_unknown"}


def test_a_run_without_anything_to_do_says_so(database_url: str):
    assert run(database_url) == steps.Line()


def test_weights_become_figures_a_signal_and_a_summary(
    database: psycopg.Connection, database_url: str, patient: int
):
    days = ["75.0", "75.1", "76.0", "77.5"]
    send(
        database,
        *(
            weight(kilograms, NOW - timedelta(days=len(days) - 1 - at, hours=5))
            for at, kilograms in enumerate(days)
        ),
    )
    done = run(database_url)
    assert done.assessed.raised == 1
    rows = database.execute("SELECT rule, figures, state, evidence FROM signal").fetchall()
    ((rule, figures, state, evidence),) = rows
    assert (rule, state) == ("weight_gain", "new")
    assert figures == {"gain": "2.5", "days": 3, "limit": "2"}
    assert len(evidence) == 2
    row = database.execute("SELECT figures FROM summary").fetchone()
    assert row is not None
    values = {figure["name"]: figure["value"] for figure in row[0]}
    assert values["last_body_weight"] == "77.5"
    assert values["body_weight_change"] == "2.5"
    assert values["median_heart_rate"] is None


def test_without_a_signed_plan_only_silence_alarms(
    database: psycopg.Connection, database_url: str, patient: int
):
    database.execute("DELETE FROM plan")
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    assert run(database_url).assessed.raised == 0
    assert judging.assess(database, NOW + timedelta(days=4), everyone=True).raised == 1
    assert plans.sign(database, patient, Plan().content(), over=0, who="doctor")
    assert run(database_url).assessed.raised == 1


def test_a_plan_written_over_an_older_one_does_not_hold(database: psycopg.Connection, patient: int):
    assert not plans.sign(database, patient, Plan().content(), over=0, who="late")
    assert plans.sign(database, patient, Plan().content(), over=1, who="nurse")


def test_the_plans_limit_judges_and_is_named(
    database: psycopg.Connection, database_url: str, patient: int
):
    plan = Plan(limits={"weight_gain": Decimal("3.5")})
    plans.sign(database, patient, plan.content(), over=1, who="doctor")
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    assert run(database_url).assessed.raised == 0
    plan = Plan(limits={"weight_gain": Decimal("1.5")})
    plans.sign(database, patient, plan.content(), over=2, who="doctor")
    assert run(database_url).assessed.raised == 1
    row = database.execute("SELECT figures ->> 'limit' FROM signal").fetchone()
    assert row == ("1.5",)


def test_in_a_pause_silence_is_not_raised_and_closes(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW - timedelta(days=9)))
    assert run(database_url).assessed.raised == 1
    days = {"first": NOW.date() - timedelta(days=1), "last": NOW.date() + timedelta(days=3)}
    plans.pause(database, patient, **days, reason="hospital", who="doctor")
    assert run(database_url).assessed.closed == 1
    (number,) = database.execute("SELECT id FROM pause").fetchone() or ()
    plans.resume(database, patient, number, today=NOW.date(), who="doctor")
    assert run(database_url).assessed.raised == 0  # the delay begins anew
    assert judging.assess(database, NOW + timedelta(days=3), everyone=True).raised == 1


def test_what_closed_by_itself_is_raised_again_where_it_holds_again(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    assert run(database_url).assessed.raised == 1
    send(
        database, weight("75.2", NOW - timedelta(hours=1))
    )  # an earlier weight, the first of the day
    assert run(database_url).assessed.closed == 1
    database.execute("DELETE FROM packed_reading WHERE value = 75.2")
    database.execute("UPDATE dirty_window SET generation = generation + 1")
    assert run(database_url).assessed.raised == 1
    row = database.execute("SELECT state, count(*) OVER () FROM signal").fetchone()
    assert row == ("new", 1)


def test_what_a_clinician_closed_stays_closed_while_it_goes_on(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    run(database_url)
    (number,) = database.execute("SELECT id FROM signal").fetchone() or ()
    pages.act(database, patient, number, who="nurse", state="closed", reason="called")
    plans.judge_again(database, patient)
    assert run(database_url).assessed.raised == 0
    pages.act(database, patient, number, who="nurse", state="seen", reason="")  # a stale button
    assert database.execute("SELECT state FROM signal").fetchone() == ("closed",)


@pytest.mark.parametrize(("now", "raised"), [("78.9", 0), ("79.0", 1)])
def test_what_a_clinician_closed_is_news_again_once_it_is_a_step_worse(
    database: psycopg.Connection, database_url: str, patient: int, now: str, raised: int
):
    days = [NOW - timedelta(days=2), NOW - timedelta(days=1)]
    send(database, weight("75.0", days[0]), weight("78.0", days[1]))
    run(database_url)
    (number,) = database.execute("SELECT id FROM signal").fetchone() or ()
    pages.act(database, patient, number, who="nurse", state="closed", reason="called")
    send(database, weight(now, NOW))
    assert run(database_url).assessed.raised == raised
    rows = database.execute("SELECT state, reason FROM signal_event ORDER BY at").fetchall()
    assert rows == [("new", ""), ("closed", "called"), ("new", "again")][: 2 + raised]


@pytest.mark.parametrize(
    ("state", "now", "raised"),
    [("seen", "78.9", 0), ("seen", "79.0", 1), ("in_hand", "79.0", 0)],
)
def test_what_was_seen_is_new_again_once_it_is_a_step_worse(
    database: psycopg.Connection,
    database_url: str,
    patient: int,
    state: str,
    now: str,
    raised: int,
):
    days = [NOW - timedelta(days=2), NOW - timedelta(days=1)]
    send(database, weight("75.0", days[0]), weight("78.0", days[1]))
    run(database_url)
    [(number, since)] = database.execute("SELECT id, raised_at FROM signal").fetchall()
    pages.act(database, patient, number, who="nurse", state=state, reason="")
    send(database, weight(now, NOW))
    assert run(database_url).assessed.raised == raised
    [(held, again)] = database.execute("SELECT state, raised_at > %s FROM signal", (since,))
    assert (held, again) == (("new", True) if raised else (state, False))
    plans.judge_again(database, patient)
    assert run(database_url).assessed.raised == 0


def test_who_was_better_as_it_was_closed_and_is_worse_again_is_news(
    database: psycopg.Connection, database_url: str, patient: int
):
    """Four kilograms, two as somebody closes it as treated, four again: they hear of it."""
    at = [NOW - timedelta(hours=hours) for hours in (50, 26, 2)]
    send(database, weight("75.0", at[0]), weight("79.0", at[1]))
    run(database_url, NOW - timedelta(days=1))
    send(database, weight("77.5", at[2]))
    assert run(database_url).assessed.raised == 0
    [(number, figures)] = database.execute("SELECT id, figures FROM signal").fetchall()
    assert figures["gain"] == "2.5"
    pages.act(database, patient, number, who="nurse", state="closed", reason="treated")
    later = NOW + timedelta(days=1)
    send(database, weight("79.2", later), at=later)
    assert run(database_url, later).assessed.raised == 1


def test_an_episode_longer_than_what_is_looked_at_stays_one(
    database: psycopg.Connection, patient: int
):
    keys = {"subject": patient, "rule": "oxygen_high"}
    database.execute(
        "INSERT INTO signal (subject, rule, rule_version, episode, severity, period_start,"
        " period_end, figures, evidence) VALUES (%s, 'oxygen_high', 1, '2026-10-01', 2,"
        " '2026-10-01', '2026-11-20', '{}', '[]')",
        (patient,),
    )
    since = NOW.date() - timedelta(days=7)
    assert signals.episode_of(database, **keys, since=since) == date(2026, 10, 1)
    database.execute("UPDATE signal SET state = 'closed'")  # by hand, while it went on
    assert signals.episode_of(database, **keys, since=since) == date(2026, 10, 1)
    database.execute("UPDATE signal SET period_end = '2026-10-20'")  # of another time
    assert signals.episode_of(database, **keys, since=since) is None


def test_values_that_come_back_close_the_signal_and_say_so(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    run(database_url)
    later = NOW + timedelta(days=1)
    send(database, weight("75.2", later), at=later)
    assert run(database_url, later).assessed.closed == 1
    assert database.execute("SELECT state FROM signal").fetchall() == [("closed",)]
    events = database.execute("SELECT who, state, reason FROM signal_event ORDER BY at").fetchall()
    assert events == [("balise", "new", ""), ("balise", "closed", "values_back")]


def test_silence_needs_no_new_reading(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW))
    run(database_url)
    later = NOW + timedelta(days=3)
    assert judging.assess(database, later, everyone=True).raised == 1
    assert judging.assess(database, later, everyone=True).raised == 0
    assert database.execute("SELECT rule FROM signal").fetchall() == [("silence",)]


@pytest.mark.parametrize("days", [3, 40])
def test_silence_says_since_when_however_long_ago_that_is(
    database: psycopg.Connection, database_url: str, patient: int, days: int
):
    send(database, weight("75.0", NOW), weight("75.1", NOW - timedelta(days=1)))
    run(database_url)
    judging.assess(database, NOW + timedelta(days=days), everyone=True)
    (figures,) = database.execute("SELECT figures FROM signal").fetchall()
    assert figures[0]["hours"] == days * 24


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_arrival_gives_the_figures_of_a_full_recomputation(
    new_database: Callable[[], str], seed: int
):
    order = random.Random(seed)  # noqa: S311
    moments = [NOW - timedelta(days=20) + timedelta(hours=7 * at) for at in range(60)]
    bodies = [weight(f"{70 + at % 7}.5", moment) for at, moment in enumerate(moments)]
    tables = []
    for shuffled in (bodies, order.sample(bodies, len(bodies)) + order.sample(bodies, 20)):
        url = new_database()
        with psycopg.connect(url, autocommit=True) as connection:
            enrolled(connection)
            while shuffled:
                send(connection, *(shuffled.pop() for _ in range(min(7, len(shuffled)))))
                run(url)
            tables.append(rollups(connection))
    assert tables[0] == tables[1]
    assert tables[0]


def enrolled(connection: psycopg.Connection) -> None:
    subject = people.add_subject(connection, "p-one", pathway="heart_failure")
    people.give(connection, SCALE, subject, since=NOW - timedelta(days=90))


def test_a_late_reading_of_any_age_is_in_its_days_figures(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW))
    run(database_url)
    send(database, weight("74.0", NOW - timedelta(days=60)))
    assert run(database_url).recomputed.windows == 1
    days = [
        row[0] for row in database.execute("SELECT day FROM rollup WHERE size = 'day' ORDER BY day")
    ]
    assert days == [date(2026, 9, 26), date(2026, 11, 25)]


def test_two_validations_at_once_never_double(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW))
    with psycopg.connect(database_url) as other, other.transaction():
        other.execute("SELECT FROM landing_batch FOR UPDATE")
        assert steps.validate(database) == readings.Accounting()
    assert steps.validate(database).accepted == 1
    assert steps.validate(database) == readings.Accounting()


def test_a_backfill_recomputes_to_the_same(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, *(weight(f"7{day}.0", NOW - timedelta(days=day)) for day in range(5)))
    run(database_url)
    before = rollups(database)
    database.execute("UPDATE dirty_window SET generation = generation + 1")
    assert run(database_url).recomputed.windows == 5
    assert rollups(database) == before


def test_no_name_is_outside_the_identity_table(
    database: psycopg.Connection, database_url: str, patient: int
):
    send(database, weight("75.0", NOW), weight("1.0", NOW))
    run(database_url)
    tables = [
        row[0]
        for row in database.execute(
            "SELECT tablename FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> 'identity'"
        )
    ]
    for table in tables:
        rows = database.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t'.encode())  # noqa: S608
        assert "Secret" not in json.dumps([row[0] for row in rows]), table
