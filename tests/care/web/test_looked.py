"""That somebody looked: of all who are well at once, or of one, and what the boxes are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from care.plan import Plan
from flows import judging
from sql import plans

pytestmark = pytest.mark.stack
WELL = ("p-durand", "p-moreau", "p-roux")
ALL = "J&#39;ai regardé"


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    """Plans of all are signed, and who has nothing open is as the virtual patients are."""
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute("DELETE FROM looked")
        for (subject,) in connection.execute("SELECT id FROM subject").fetchall():
            plans.sign(connection, subject, Plan().content(), over=0, who="doctor")
        judging.assess(connection, datetime.now(UTC), everyone=True)
        connection.execute("UPDATE dirty_subject SET assessed = generation")
        yield connection


def well(database: psycopg.Connection) -> list[str]:
    rows = database.execute("SELECT code FROM well JOIN subject ON subject.id = well.subject")
    return sorted(code for (code,) in rows)


def looked(database: psycopg.Connection) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT code, who, boxes FROM looked JOIN subject ON subject.id = subject ORDER BY code"
    ).fetchall()


def as_of(page: str) -> str:
    found = re.search(r'name="as_of" value="([^"]+)"', page)
    assert found
    return found[1]


def test_one_click_covers_all_who_are_well_and_nobody_else(
    nurse: httpx.Client, database: psycopg.Connection
):
    page = nurse.get("/").text
    assert "3 patient(s) ont mesuré depuis le dernier regard" in page
    after = nurse.post("/looked", data={"as_of": as_of(page)}).text
    assert "Noté pour 3 patient(s)" in after
    assert ALL not in after
    assert looked(database) == [(code, "nurse", None) for code in WELL]
    assert "Mesures regardées par nurse" in nurse.get("/patients/p-durand").text


def test_what_was_measured_after_the_list_was_made_is_not_covered(
    nurse: httpx.Client, database: psycopg.Connection
):
    before = as_of(nurse.get("/").text)
    database.execute(
        "UPDATE dirty_subject SET last_reading_at = last_reading_at + interval '2 days'"
        " FROM subject WHERE subject.id = dirty_subject.subject AND code = 'p-moreau'"
    )
    nurse.post("/looked", data={"as_of": before})
    database.execute(
        "UPDATE dirty_subject SET last_reading_at = last_reading_at - interval '2 days'"
        " FROM subject WHERE subject.id = dirty_subject.subject AND code = 'p-moreau'"
    )
    assert [code for code, _, _ in looked(database)] == ["p-durand", "p-roux"]


@pytest.mark.parametrize(
    "spoiled",
    [
        "UPDATE dirty_subject SET assessed = 0",
        "UPDATE subject SET pathway = 'observation' WHERE code = ANY(%(well)s)",
        "DELETE FROM plan",
        "INSERT INTO looked (subject, who, up_to) SELECT id, 'x', now() FROM subject",
    ],
    ids=["not judged yet", "not followed", "no plan", "looked at before"],
)
def test_who_is_well_is_judged_followed_planned_and_new(database: psycopg.Connection, spoiled: str):
    assert well(database) == list(WELL)
    with database.transaction(force_rollback=True):
        database.execute(spoiled.encode(), {"well": list(WELL)})
        assert well(database) == []


def test_who_keeps_the_line_looks_at_nobody(keeper: httpx.Client, database: psycopg.Connection):
    assert ALL not in keeper.get("/").text
    moment = datetime.now(UTC) + timedelta(days=1)
    assert keeper.post("/looked", data={"as_of": moment.isoformat()}).status_code == 404
    assert keeper.post("/patients/p-durand/looked").status_code == 404
    assert looked(database) == []


def test_of_one_patient_it_is_said_whatever_there_is(
    nurse: httpx.Client, database: psycopg.Connection
):
    page = nurse.post("/patients/p-martin/looked").text
    assert "Mesures regardées par nurse" in page
    assert "Aucun boîtier ne l&#39;affiche encore." in page
    assert looked(database) == [("p-martin", "nurse", None)]
