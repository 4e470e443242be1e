"""Erasure: nothing of a patient is left in any column, and nothing of others is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from balise import backups
from balise.errors import BackupUnreadable, Exit
from balise.sealed_archive import new_key, reading
from care.plan import Plan
from flows import replay, steps
from flows.replay import Asked, Hand
from sql import erasure, people, plans, preferred
from sql import readings as store

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERS, HIS, SHARED = "C0:00:00:00:00:AA", "C0:00:00:00:00:BB", "C0:00:00:00:00:CC"
MARKS = ("p-erased", "Effacée", HERS, "91.235", "92.235", "93.235")
"""Her code, her name, her scale, and weights that nobody else has."""

Weight = Callable[..., bytes]
Send = Callable[..., None]


@pytest.fixture
def couple(
    database: psycopg.Connection, database_url: str, weight: Weight, send: Send
) -> tuple[int, int]:
    """Two patients of one box: a scale each, and one that was hers and became his."""
    hers, his = (
        people.add_subject(database, code, pathway="heart_failure")
        for code in ("p-erased", "p-other")
    )
    people.set_identity(database, hers, family="Effacée", given="Marie")
    people.set_identity(database, his, family="Resté", given="Paul")
    people.add_gateway(database, "home-one")
    for subject in (hers, his):
        plans.sign(database, subject, Plan().content(), over=0, who="doctor")
    since = NOW - timedelta(days=90)
    for address, subject in ((HERS, hers), (HIS, his), (SHARED, hers)):
        people.give(database, address, subject, since=since, gateway="home-one")
    days = [NOW - timedelta(days=day) for day in range(6)]
    for number, at in enumerate(days):
        send(database, weight("91.235", at, device=HERS))
        send(database, weight(f"7{number}.005", at, device=HIS))
        send(database, weight("92.235", at, device=SHARED))
    send(database, weight("95.235", NOW - timedelta(hours=1), device=HERS))  # a signal
    again = weight("91.235", days[0], device=HERS)
    send(database, again, weight("70.505", days[0] + timedelta(hours=1), device=HIS))  # both
    send(database, weight("93.235", NOW + timedelta(days=99), device=HERS))  # refused, or marked
    send(database, weight("0", days[1], device=HERS))
    steps.run_line(database_url, NOW)
    people.give(database, SHARED, his, since=days[2] - timedelta(hours=1), gateway="home-one")
    replay.replay(database, Asked(), Hand(who="nurse", why="it was his by then"))
    steps.run_line(database_url, NOW)
    scale = people.give(database, HERS, hers, since=since)
    plans.pause(database, hers, first=NOW.date(), last=NOW.date(), reason="other", who="nurse")
    preferred.prefer(database, hers, metric="body_weight", device=scale, who="nurse")
    seldom(database, hers, his)
    return hers, his


def seldom(database: psycopg.Connection, hers: int, his: int) -> None:
    """Add what needs a run in mid-work to come about, or two frames of one moment."""
    known = {"hers": hers, "his": his, "shared": SHARED}
    for statement in SELDOM.split(";"):
        assert database.execute(statement.encode(), known).rowcount, statement


SELDOM = """
INSERT INTO note (subject, who, text) VALUES (%(hers)s, 'nurse', 'Effacée likes her tea sweet');

INSERT INTO outbox (subject, thing, key, body)
VALUES (%(hers)s, 'report', 'report/1', convert_to('Effacée', 'UTF8'));

INSERT INTO message (subject, who, text, boxes) VALUES (%(hers)s, 'nurse', 'Effacée', 1);

INSERT INTO early_warning (subject, who, observed, parts)
VALUES (%(hers)s, 'Effacée', '{}', '{}');

UPDATE identity SET given = 'Marie Effacée' WHERE subject = %(hers)s;

INSERT INTO consent (subject, sheet, scope, way, who)
VALUES (%(hers)s, '2026-11', '{monitoring}', 'paper', 'Effacée');

INSERT INTO looked (subject, who, up_to) VALUES (%(hers)s, 'Effacée', now());

INSERT INTO login (name, password_hash) VALUES ('doctor', '');

INSERT INTO break_glass (account, subject, reason, until)
VALUES ('doctor', %(hers)s, 'Effacée fell', now());

INSERT INTO login (name, password_hash, role) VALUES ('h-00000007', '', 'helper');

INSERT INTO helper (account, subject, called, added_by)
VALUES ('h-00000007', %(hers)s, 'a daughter of Effacée', 'nurse');

INSERT INTO panel_subject (panel, subject) VALUES ('site', %(hers)s);

INSERT INTO team_member (subject, name, role, added_by)
VALUES (%(hers)s, 'daughter of Effacée', 'relative', 'nurse');

INSERT INTO window_recheck VALUES (%(hers)s, 'body_weight', '2026-11-25');

INSERT INTO refused_event (landing, item, part, who, state)
SELECT landing, item, part, 'nurse', 'new' FROM refused;

INSERT INTO asked_replay (who, landing) SELECT 'nurse', id FROM landing;

INSERT INTO signal_event (signal, who, state)
SELECT id, 'nurse', 'seen' FROM signal WHERE subject = %(hers)s;

INSERT INTO finding
SELECT %(hers)s, 'body_weight', '2026-11-25', series, stamped_at, sequence, 'twin', series,
       stamped_at, sequence
FROM reading WHERE subject = %(hers)s;

INSERT INTO reading_revision
    (series, stamped_at, sequence, kind, old_value, old_decoder, why, old_subject)
SELECT series, stamped_at, sequence, 'withdrawn', value, 1, '', subject
FROM reading WHERE subject = %(hers)s;

INSERT INTO packed_beside
SELECT stamped_at, source, series, sequence + 1, subject, value
FROM packed_reading WHERE subject = %(hers)s;

INSERT INTO packed_beside
SELECT stamped_at, source, series, sequence + 2, %(his)s, 71.115
FROM packed_reading WHERE subject = %(hers)s AND series IN (
    SELECT series.id FROM series JOIN device ON device.id = device WHERE address = %(shared)s)
"""
"""The last: of a moment of the shared scale, his beside hers."""


def tables(database: psycopg.Connection) -> dict[str, list[str]]:
    """Return every row of every table as text, bytes as hexadecimal."""
    names = database.execute(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for (name,) in names:
        query = f"SELECT one::text FROM {name} AS one"  # noqa: S608
        found[name] = [row[0] for row in database.execute(query.encode())]
    return found


def marked(database: psycopg.Connection, marks: Sequence[str] = MARKS) -> set[tuple[str, str]]:
    """Return in which tables which mark stands, as it is or as bytes."""
    return {
        (name, mark)
        for name, rows in tables(database).items()
        for mark in marks
        for row in rows
        if mark in row or mark.encode().hex() in row
    }


def of(database: psycopg.Connection, subject: int) -> list[Any]:
    """Return what is kept of a patient."""
    found: list[Any] = []
    for table, order in (("reading", "1, 3, 4"), ("rollup", "2, 3, 4"), ("summary", "1, 2, 3")):
        query = f"SELECT * FROM {table} WHERE subject = %s ORDER BY {order}"  # noqa: S608
        found += database.execute(query.encode(), (subject,)).fetchall()
    return found


def test_nothing_of_a_patient_is_left_and_nothing_of_others_is_gone(
    database: psycopg.Connection, couple: tuple[int, int]
):
    hers, his = couple
    assert {mark for _, mark in marked(database)} >= {*MARKS} - {"93.235"}
    before = of(database, his)
    with database.transaction():
        gone = erasure.erase(database, hers)
    assert gone["identity"] == gone["subject"] == gone["device"] == 1
    assert all(gone.values()), gone
    # His readings of days in which the shared scale was hers no more keep their weight.
    his_own = "92.235"
    assert marked(database, [one for one in MARKS if one != his_own]) == set()
    assert of(database, his) == before != []
    assert_whole(database)
    for table, column in columns_of_subjects(database):
        query = f"SELECT count(*) FROM {table} WHERE {column} = %s"  # noqa: S608
        assert database.execute(query.encode(), (hers,)).fetchone() == (0,), table


def assert_whole(database: psycopg.Connection) -> None:
    """Hold that nothing refers to what is not there any more."""
    row = database.execute(
        "SELECT (SELECT count(*) FROM refused_event WHERE NOT EXISTS"
        " (SELECT FROM refused WHERE refused.landing = refused_event.landing)),"
        # Nothing is beside a moment that has nothing in `packed_reading`.
        " (SELECT count(*) FROM packed_beside WHERE NOT EXISTS (SELECT FROM packed_reading AS held"
        " WHERE held.series = packed_beside.series AND held.stamped_at = packed_beside.stamped_at))"
    ).fetchone()
    assert row == (0, 0)


def columns_of_subjects(database: psycopg.Connection) -> list[tuple[str, str]]:
    """Return every column that a patient's number stands in."""
    rows = database.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name LIKE '%subject'"
        " AND table_name <> 'backfill'"  # there it is how far a run has come
    ).fetchall()
    assert len(rows) > 10
    return rows


def test_a_reading_that_shared_a_message_says_that_its_bytes_are_gone(
    database: psycopg.Connection, couple: tuple[int, int]
):
    hers, his = couple
    with database.transaction():
        erasure.erase(database, hers)
    rows = database.execute(
        "SELECT value::text, landing_dropped.id IS NOT NULL, landing.id IS NOT NULL FROM reading"
        " LEFT JOIN landing ON landing.id = reading.landing"
        " LEFT JOIN landing_dropped ON reading.landing BETWEEN id_from AND id_to"
        " WHERE reading.subject = %s",
        (his,),
    ).fetchall()
    assert {value for value, dropped, _ in rows if dropped} >= {"70.505"}
    assert all(dropped != kept for _, dropped, kept in rows)


def test_what_comes_afterwards_is_refused_and_a_code_may_be_given_anew(
    database: psycopg.Connection,
    database_url: str,
    couple: tuple[int, int],
    weight: Weight,
    send: Send,
):
    with database.transaction():
        erasure.erase(database, couple[0])
    send(database, weight("91.235", NOW, device=HERS))
    accounting = steps.run_line(database_url, NOW).accounting
    assert accounting == store.Accounting(messages=1, landed=1, refused=1)
    assert people.add_subject(database, "p-erased", pathway="heart_failure") not in couple


def test_the_command_says_first_what_would_go(
    database: psycopg.Connection,
    database_url: str,
    couple: tuple[int, int],
    home: Path,
):
    would = erase("p-erased")
    assert would["erased"] is False
    assert people.find(database, "p-erased") is not None
    assert erase("p-erased", "--now") == {**would, "erased": True}
    again = run("erase", "p-erased", "--now")
    assert again.returncode != 0
    assert "no patient p-erased is enrolled; nothing was deleted" in again.stderr


@pytest.fixture
def home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALISE_DATABASE_URL", database_url)
    monkeypatch.setenv("BALISE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_no_backup_brings_a_patient_back(
    database: psycopg.Connection,
    database_url: str,
    new_database: Callable[[], str],
    couple: tuple[int, int],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """One of before is closed but for its key, and they are erased again; one of after is free."""
    key, recipient = new_key()
    before, after, opener = (home.parent / name for name in ("before.age", "after.age", "key"))
    opener.write_text(key)
    backups.back_up(database_url, before, recipient, lambda *_: None)
    erase("p-erased", "--now")
    backups.back_up(database_url, after, recipient, lambda *_: None)
    his_own = "92.235"
    marks = [one for one in MARKS if one != his_own]
    assert in_backup(before, key) == {*MARKS}
    assert in_backup(after, key) == {his_own}
    for closed in (before, after):
        assert not [one for one in MARKS if one.encode() in closed.read_bytes()]
        with pytest.raises(BackupUnreadable):
            in_backup(closed, new_key()[0])
    url = new_database()
    monkeypatch.setenv("BALISE_DATABASE_URL", url)
    assert balise("restore", str(before), "--key", str(opener))["erased_again"] == 1
    with psycopg.connect(url, autocommit=True) as back:
        assert marked(back, marks) == set()
        assert of(back, couple[1]) == of(database, couple[1])
        (last,) = back.execute("SELECT action FROM audit ORDER BY number DESC LIMIT 1").fetchall()
    assert last == ("erase",)
    assert balise("erase-again") == {"erased_again": 0}
    assert not [one for one in MARKS if one in (home / "ca/erased.jsonl").read_text()]


def in_backup(file: Path, key: str) -> set[str]:
    with reading(file, key) as archive:
        tables = json.loads(archive.read("manifest.json"))["tables"]
        texts = [b"".join(archive.blocks(f"{name}.copy")) for name in tables]
    forms = {mark: (mark.encode(), mark.encode().hex().encode()) for mark in MARKS}
    return {
        mark for mark, both in forms.items() if any(one in text for text in texts for one in both)
    }


@pytest.mark.usefixtures("home")
def test_whoever_has_the_code_since_is_somebody_else(
    couple: tuple[int, int], new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
):
    """In a database of before she was enrolled too, which counts patients from there."""
    erase("p-erased", "--now")
    url = new_database()
    monkeypatch.setenv("BALISE_DATABASE_URL", url)
    assert balise("erase-again") == {"erased_again": 0}
    with psycopg.connect(url, autocommit=True) as earlier:
        assert people.add_subject(earlier, "p-erased", pathway="heart_failure") == couple[0] + 1
        assert balise("erase-again") == {"erased_again": 0}
        assert people.find(earlier, "p-erased")


@pytest.mark.usefixtures("couple")
def test_whoever_could_not_be_erased_is_in_no_list(database: psycopg.Connection, home: Path):
    database.execute("ALTER TABLE summary RENAME TO hidden")
    assert run("erase", "p-erased", "--now").returncode != Exit.OK
    database.execute("ALTER TABLE hidden RENAME TO summary")
    assert (home / "ca/erased.jsonl").read_text() == ""
    assert balise("erase-again") == {"erased_again": 0}


@pytest.mark.usefixtures("couple")
def test_what_cannot_be_noted_is_not_done(database: psycopg.Connection, home: Path):
    home.write_text("a file, and no folder")
    done = run("erase", "p-erased", "--now")
    assert done.returncode == Exit.USAGE
    assert f"{home / 'ca/erased.jsonl'}: " in done.stderr.replace("\n", "")
    assert "nothing was deleted" in done.stderr
    assert people.find(database, "p-erased")


@pytest.mark.usefixtures("couple")
def test_a_list_that_is_damaged_says_where(home: Path):
    erase("p-erased", "--now")
    with (home / "ca/erased.jsonl").open("a") as file:
        file.write('{"digest": "half a li')
    done = run("erase-again")
    assert done.returncode == Exit.USAGE
    assert "line 2 of" in done.stderr


def erase(*arguments: str) -> dict[str, Any]:
    return balise("erase", *arguments)


def balise(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "balise", "db", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
