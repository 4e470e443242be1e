"""That somebody looked: of all who are well at once, or of one, and what the boxes are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

import sql
from care.plan import Plan
from flows import judging
from sql import plans, rows

pytestmark = pytest.mark.stack
WELL = ("p-durand", "p-moreau", "p-roux")
NOBODY = "Personne n&#39;a été noté"
ALL = "J&#39;ai regardé ces patients"


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    """Plans of all are signed, and who has nothing open is as the virtual patients are."""
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute("DELETE FROM looked")
        connection.execute("UPDATE dirty_subject SET looked_at = NULL")
        for (subject,) in connection.execute("SELECT id FROM subject").fetchall():
            plans.sign(connection, subject, Plan().content(), over=0, who="doctor")
        judging.assess(connection, datetime.now(UTC), everyone=True)
        yield connection


CLOSED_SINCE = """
INSERT INTO signal (subject, rule, rule_version, episode, severity, period_start, period_end,
                    figures, evidence, state)
SELECT id, 'fever', 1, '2026-01-01', 1, now(), now(), '{}', '[]', 'closed' FROM subject
"""


def well(database: psycopg.Connection) -> list[str]:
    rows = database.execute("SELECT code FROM well JOIN subject ON subject.id = well.subject")
    return sorted(code for (code,) in rows)


def looked(database: psycopg.Connection) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT code, who, boxes FROM looked JOIN subject ON subject.id = subject ORDER BY code"
    ).fetchall()


def last_written(database: psycopg.Connection, rows: int = 1) -> set[tuple[str, ...]]:
    """Return what the last rows of the audit say was done, of each patient."""
    return {
        (action, what, code)
        for action, what, code in database.execute(
            "SELECT action, what, code"
            " FROM (SELECT * FROM audit ORDER BY number DESC LIMIT %s) AS new"
            " JOIN subject ON subject.id = ANY(patients)",
            (rows,),
        )
    }


def as_of(page: str) -> str:
    found = re.search(r'name="as_of" value="([^"]+)"', page)
    assert found
    return found[1]


def test_one_click_covers_all_who_are_well_and_nobody_else(
    nurse: httpx.Client, database: psycopg.Connection
):
    page = nurse.get("/").text
    assert "3 patients ont du nouveau depuis le dernier regard" in page
    assert last_written(database) >= {("list", "GET /", code) for code in WELL}
    after = nurse.post("/looked", data={"as_of": as_of(page)}).text
    assert last_written(database, 2) >= {("change", "POST /looked", code) for code in WELL}
    assert "Noté pour 3 patients" in after
    assert ALL not in after
    assert looked(database) == [(code, "nurse", None) for code in WELL]
    assert "Mesures regardées par nurse" in nurse.get("/patients/p-durand").text


def test_what_was_measured_after_the_list_was_made_is_not_covered(
    nurse: httpx.Client, database: psycopg.Connection
):
    before = as_of(nurse.get("/").text)
    [(moreau,)] = database.execute("SELECT id FROM subject WHERE code = 'p-moreau'").fetchall()
    plans.judge_again(database, moreau)  # as a reading does
    judging.assess(database, datetime.now(UTC))
    nurse.post("/looked", data={"as_of": before})
    assert [code for code, _, _ in looked(database)] == ["p-durand", "p-roux"]
    assert well(database) == ["p-moreau"]


def test_nobody_is_covered_while_the_line_is_late(
    nurse: httpx.Client, database: psycopg.Connection
):
    before = as_of(nurse.get("/").text)
    late = (
        "UPDATE dirty_window SET generation = generation + %s, touched_at = now() - interval '1 h'"
        " WHERE ctid = (SELECT min(ctid) FROM dirty_window)"
    )
    database.execute(late, (1,))
    assert ALL not in nurse.get("/").text
    assert NOBODY in nurse.post("/looked", data={"as_of": before}).text
    database.execute(late, (-1,))
    assert looked(database) == []


@pytest.mark.parametrize("made", ["2999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_page_of_the_future_or_of_yesterday_was_looked_at_by_nobody(
    nurse: httpx.Client, database: psycopg.Connection, made: str
):
    assert NOBODY in nurse.post("/looked", data={"as_of": made}).text
    page = nurse.post("/patients/p-martin/looked", data={"as_of": made})
    assert page.status_code == 200
    assert looked(database) == []


@pytest.mark.parametrize(
    "spoiled",
    [
        "UPDATE dirty_subject SET assessed = 0",
        "UPDATE subject SET pathway = 'observation' WHERE code = ANY(%(well)s)",
        "DELETE FROM plan",
        "UPDATE plan SET pathway = 'observation'",
        "UPDATE dirty_subject SET looked_at = now()",
        "UPDATE dirty_subject SET last_reading_at = now() + interval '90 s'",
        "UPDATE dirty_window SET generation = generation + 1",
        CLOSED_SINCE,
    ],
    ids=[
        "not judged yet",
        "not followed",
        "no plan",
        "a plan of another pathway",
        "looked at before",
        "measured ahead of the clock",
        "not in the figures yet",
        "an alert closed since",
    ],
)
def test_who_is_well_is_judged_followed_planned_and_new(database: psycopg.Connection, spoiled: str):
    assert well(database) == list(WELL)
    with database.transaction(force_rollback=True):
        database.execute(spoiled.encode(), {"well": list(WELL)})
        assert well(database) == []


def test_who_keeps_the_line_looks_at_nobody(keeper: httpx.Client, database: psycopg.Connection):
    assert ALL not in keeper.get("/").text
    made = {"as_of": datetime.now(UTC).isoformat()}
    assert keeper.post("/looked", data=made).status_code == 404
    assert keeper.post("/patients/p-durand/looked", data=made).status_code == 404
    assert looked(database) == []


def test_of_one_patient_it_is_said_whatever_there_is(
    nurse: httpx.Client, database: psycopg.Connection
):
    made = as_of(nurse.get("/patients/p-martin").text)
    page = nurse.post("/patients/p-martin/looked", data={"as_of": made}).text
    assert "Mesures regardées par nurse" in page
    assert "Aucun boîtier ne l&#39;a encore reçu." in page
    assert looked(database) == [("p-martin", "nurse", None)]


def test_a_box_that_two_share_says_it_once_both_were_looked_at(database: psycopg.Connection):
    """The page of a box is read by everybody at home."""
    with database.transaction(force_rollback=True):
        database.execute("UPDATE device SET gateway = 'home-p-durand' WHERE address LIKE '%:02:01'")
        for code, told in (("p-durand", []), ("p-bernard", ["home-p-durand"])):
            [(subject,)] = database.execute("SELECT id FROM subject WHERE code = %s", (code,))
            keys = {"subject": subject, "who": "nurse", "as_of": datetime.now(UTC)}
            database.execute(sql.get("looked.look_at"), keys)
            waits = rows.named(database, "looked.waiting", subject=subject)
            assert [one["boxes"] for one in waits] == [told]
        everybody = rows.named(database, "looked.waiting", subject=None)
        assert [one["boxes"] for one in everybody] == [["home-p-durand"], ["home-p-durand"]]
