"""What becomes of signals, by rule: counts for the keepers, and nobody's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from demo.patients import PATIENTS
from sql import people, rows

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ENDS = {"called": 3, "treated": 1, "no_action": 2, "measured_badly": 4}


@pytest.fixture
def signals(database: psycopg.Connection) -> None:
    """Eleven signals of one rule, closed for several reasons, and one of long ago."""
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    ends = [reason for reason, count in ENDS.items() for _ in range(count)]
    for number, reason in enumerate(ends):
        one = raised(database, subject, NOW - timedelta(days=number + 1))
        told(database, one, "nurse", "seen", "", hours=2 + number)
        told(database, one, "nurse", "closed", reason, hours=30)
    back = raised(database, subject, NOW - timedelta(days=20))
    told(database, back, "balise", "closed", "values_back", hours=1)
    raised(database, subject, NOW - timedelta(days=200))


def raised(database: psycopg.Connection, subject: int, at: datetime) -> int:
    row = database.execute(
        "INSERT INTO signal (subject, rule, rule_version, episode, severity, period_start,"
        " period_end, figures, evidence, raised_at) VALUES (%(subject)s, 'weight_gain', 1, %(at)s,"
        " 3, %(at)s, %(at)s, '{}', '[]', %(at)s) RETURNING id",
        {"subject": subject, "at": at},
    ).fetchone()
    assert row
    return int(row[0])


def told(
    database: psycopg.Connection, signal: int, who: str, state: str, reason: str, *, hours: int
) -> None:
    keys = {"signal": signal, "who": who, "state": state, "reason": reason, "hours": hours}
    database.execute(
        "INSERT INTO signal_event (signal, at, who, state, reason) SELECT id, raised_at"
        " + make_interval(hours => %(hours)s), %(who)s, %(state)s, %(reason)s FROM signal"
        " WHERE id = %(signal)s",
        keys,
    )
    database.execute("UPDATE signal SET state = %(state)s WHERE id = %(signal)s", keys)


@pytest.mark.usefixtures("signals")
def test_each_end_is_counted_and_the_time_until_somebody_looked(database: psycopg.Connection):
    (row,) = rows.named(database, "care.rule_figures", since=NOW - timedelta(days=90))
    assert (row["rule"], row["raised"], row["open"]) == ("weight_gain", 11, 0)
    assert row["acted_on"] == ENDS["called"] + ENDS["treated"]
    assert (row["no_action"], row["measured_badly"]) == (ENDS["no_action"], ENDS["measured_badly"])
    assert row["values_back"] == 1
    # 2 to 11 hours; what closed by itself was seen by nobody.
    assert row["to_seen"] == timedelta(hours=6, minutes=30)


def test_what_was_raised_anew_is_timed_from_then(database: psycopg.Connection):
    subject = people.add_subject(database, "p-one", pathway="heart_failure")
    one = raised(database, subject, NOW - timedelta(days=4))
    told(database, one, "nurse", "seen", "", hours=2)
    again = {"at": NOW - timedelta(days=1), "signal": one}
    database.execute("UPDATE signal SET raised_at = %(at)s WHERE id = %(signal)s", again)
    since = NOW - timedelta(days=90)
    (row,) = rows.named(database, "care.rule_figures", since=since)
    assert row["to_seen"] is None
    told(database, one, "nurse", "seen", "", hours=5)
    (row,) = rows.named(database, "care.rule_figures", since=since)
    assert row["to_seen"] == timedelta(hours=5)


def test_the_page_is_the_keepers_and_names_nobody(keeper: httpx.Client, nurse: httpx.Client):
    assert nurse.get("/ops/rules").status_code == 404
    worklist = nurse.get("/").text
    assert "/ops/rules" not in worklist
    text = keeper.get("/ops/rules").text
    assert "Prise de poids" in text
    assert "pas encore lues" in text
    for patient in PATIENTS:
        assert patient.family in worklist
        assert patient.family not in text
