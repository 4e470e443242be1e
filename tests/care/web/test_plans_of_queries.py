"""What the pages' role reads of readings: the patient's own, and not all there are to find them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

import sql
from care.web import accounts
from sql.roles import Role, connect

pytestmark = pytest.mark.stack

PASSWORD = "a long enough password"
STRANGERS = 200_000
"""Readings of somebody else, in the chunks of the patient's own."""
NOW = datetime.now(UTC)
ASKED: dict[str, dict[str, Any]] = {
    "readings.enough": {"metric": "body_weight", "limit": 8},
    "readings.of_subject": {"metric": "body_weight", "limit": 8, "first": None},
    "fhir.measured": {
        "metrics": ["body_weight", "heart_rate"], "until": NOW, "before": NOW, "device": 1 << 30,
        "stamped": NOW, "sequence": 0, "limit": 50,
    },
    "care.readings_for": {"metrics": ["body_weight", "heart_rate"], "as_of": NOW},
    "readings.of_day": {
        "metric": "body_weight", "day": NOW.date(), "until": NOW, "limit": 200,
    },
    "readings.of_key": {},
    "readings.of_keys": {},
    "rollups.daily": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def crowded(populated: str) -> str:
    """The patients' database, with a stranger who measures every second."""
    with psycopg.connect(populated, autocommit=True) as database:
        database.execute(
            "WITH one AS (INSERT INTO subject (code) VALUES ('p-crowd') RETURNING id),"
            " box AS (INSERT INTO device (address) VALUES ('C0:00:00:00:0C:0D') RETURNING id),"
            " line AS (INSERT INTO series (device, metric, position, unit)"
            "          SELECT id, 'heart_rate', 0, '/min' FROM box RETURNING id)"
            " INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)"
            " SELECT now() - number * interval '5 seconds', 1, line.id, 0, one.id, 70"
            " FROM one, line, generate_series(1, %s) AS number",
            (STRANGERS,),
        )
        database.execute("INSERT INTO panel (name) VALUES ('own')")
        database.execute(
            "INSERT INTO panel_subject SELECT 'own', id FROM subject WHERE code = 'p-martin'"
        )
        accounts.add(database, "own.nurse", PASSWORD, role="clinician", panels=("own",))
        database.execute("ANALYZE")
    return populated


@pytest.fixture(params=["own.nurse", "nurse"])
def pages(crowded: str, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """A connection of the pages, for one who follows a patient, and for one who follows all."""
    with connect(crowded, Role.WEB) as connection:
        idle = timedelta(minutes=5)
        assert accounts.sign_in(connection, request.param, PASSWORD, idle=idle)
        yield connection


@pytest.mark.parametrize("query", ASKED)
def test_a_page_reads_the_patient_s_own_and_little_else(pages: psycopg.Connection, query: str):
    row = pages.execute(
        "SELECT subject.id, reading.series, reading.stamped_at, reading.sequence FROM subject"
        " JOIN assignment ON assignment.subject = subject.id"
        " JOIN series ON series.device = assignment.device"
        " JOIN reading ON reading.series = series.id WHERE code = 'p-martin' LIMIT 1"
    ).fetchone()
    assert row
    subject, series, stamped_at, sequence = row
    keys = {
        "subject": subject, "series": series, "stamped_at": stamped_at, "sequence": sequence,
        "since": NOW - timedelta(days=30),
    }  # fmt: skip
    if query == "readings.of_keys":
        keys |= {name: [keys[name]] for name in ("series", "stamped_at", "sequence")}
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql.get(query)}"
    found = pages.execute(explain.encode(), keys | ASKED[query]).fetchone()
    assert found
    assert touched(found[0][0]["Plan"]) < STRANGERS / 20


def touched(plan: dict[str, Any]) -> int:
    """Return how many rows the leaves of a plan looked at, those they left out with them."""
    beneath = sum(touched(one) for one in plan.get("Plans", ()))
    if plan.get("Plans"):
        return beneath
    loops = plan["Actual Loops"]
    return int(loops * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)))
