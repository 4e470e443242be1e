"""The audit: only ever added to, and a chain that shows what somebody did to it nevertheless."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from balise.__main__ import app
from balise.errors import Exit
from balise.hand import who
from flows import steps
from ingest.receive import Delivery, land
from sql import audit, people
from sql.roles import Role, connect

pytestmark = pytest.mark.stack

Balise = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def written(database: psycopg.Connection) -> psycopg.Connection:
    """Six rows, one with what JSON must escape."""
    for number in range(5):
        audit.add(database, [100 + number], who="nurse", action="view", what="GET /patients/{code}")
    audit.add(
        database, [7, 8], who="D\u00e9sir\u00e9e", action="export", what="x",
        reason='"quoted" \\ and\n\ttabs, \x01, \u2028, 🫀',
    )  # fmt: skip
    return database


@pytest.fixture
def balise(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Balise:
    monkeypatch.setenv("BALISE_DATABASE_URL", database_url)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "balise", *words], capture_output=True, text=True, check=False
        )

    return run


def found(database: psycopg.Connection, head: tuple[int, bytes] | None = None) -> list[int]:
    with database.transaction():
        known = head or audit.head(database)
        return sorted({one.number for one in audit.breaks(database, known)})


def test_two_programs_agree_on_the_chain(written: psycopg.Connection):
    assert found(written) == []


def test_the_first_digest_is_what_anybody_works_out(database: psycopg.Connection):
    audit.add(database, [3], who="nurse", action="view", what="x", reason="é")
    row = database.execute(
        "SELECT (extract(epoch FROM at) * 1000000)::bigint, digest FROM audit"
    ).fetchone()
    assert row
    told = f'[1, {row[0]}, "nurse", "command", "view", "x", [3], "é"]'
    assert row[1] == sha256(told.encode()).digest()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET who = 'me'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_even_the_owner_is_refused(written: psycopg.Connection, statement: str):
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        written.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'me' WHERE number = 3", [3]),
        ("UPDATE audit SET reason = '' WHERE number = 6", [6]),
        ("UPDATE audit SET patients = '{9}' WHERE number = 1", [1]),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 2", [2]),
        ("DELETE FROM audit WHERE number = 4", [4, 5]),
        ("DELETE FROM audit WHERE number = 6", [6]),
        ("DELETE FROM audit", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_whoever_gets_past_that_is_seen(
    written: psycopg.Connection, statement: str, broken: list[int]
):
    written.execute("ALTER TABLE audit DISABLE TRIGGER audit_stays")
    written.execute(statement.encode())
    assert found(written) == broken


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("DELETE FROM audit_patient WHERE number = 3", [3]),
        ("INSERT INTO audit_patient VALUES (1, 2)", [2]),
        ("UPDATE audit_patient SET patient = 9 WHERE patient = 8", [6]),
        ("TRUNCATE audit_patient", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_patient_s_list_that_says_otherwise_is_seen(
    written: psycopg.Connection, statement: str, broken: list[int]
):
    written.execute(statement.encode())
    assert found(written) == broken


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_known(
    written: psycopg.Connection, balise: Balise
):
    kept = json.loads(balise("audit", "verify", "--json").stdout)["head"]
    written.execute("ALTER TABLE audit DISABLE TRIGGER audit_stays")
    written.execute("DELETE FROM audit")
    written.execute("DELETE FROM audit_patient")
    written.execute("UPDATE audit_head SET number = 0, digest = ''")
    for number in range(7):
        audit.add(written, [number], who="me", action="view", what="nothing to see")
    assert found(written) == []
    done = balise("audit", "verify", "--head", kept)
    assert done.returncode == Exit.FAILED
    assert "written anew" in done.stderr


def test_the_line_and_the_pages_can_t_write_in_another_s_name(
    written: psycopg.Connection, database_url: str
):
    for role in Role:
        with connect(database_url, role) as other:
            for statement in (
                "SELECT audit_add('nurse', 'clinician', 'view', '', '{1}', '')",
                "INSERT INTO audit VALUES (9, now(), '', '', 'view', '', '{}', '', '')",
                "UPDATE audit_head SET number = 0",
                "ALTER TABLE audit DISABLE TRIGGER audit_stays",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    other.execute(statement.encode())


def test_the_line_writes_in_its_own_name_alone(database: psycopg.Connection, database_url: str):
    with connect(database_url, Role.FLOWS) as line:
        audit.line(line, [3], action="export", what="FHIR delivery")
    for role in (Role.WEB, Role.RECEIVE):
        with (
            connect(database_url, role) as other,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            audit.line(other, [3], action="export", what="")
    assert database.execute("SELECT who, role, patients FROM audit").fetchall() == [
        ("balise", "line", [3])
    ]


@pytest.mark.parametrize(
    ("words", "action", "of_one"),
    [
        (("refused", "list"), "list", False),
        (("refused", "show", "1/0"), "view", False),
        (("refused", "discard", "1/0", "--note", "a test"), "change", False),
        (("flows", "replay", "--from", "2026-01-01", "--dry-run"), "view", False),
        (("flows", "replay", "--subject", "p-listed"), "change", True),
        (("devices", "sources", "p-listed"), "view", True),
        (("devices", "give", "C0:00:00:00:00:01", "p-listed"), "change", True),
        (("db", "erase", "p-listed", "--now"), "erase", True),
        (("report", "p-listed", "report.pdf"), "export", True),
        (("fhir", "export", "p-listed", "out"), "export", True),
        (("db", "export", "p-listed", "out"), "export", True),
        (("audit", "list", "p-listed"), "view", True),
    ],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, tuple) else "",
)
def test_a_command_is_written_down_with_whose_hand_it_was(
    words: tuple[str, ...],
    action: str,
    of_one: bool,  # noqa: FBT001 - a column of the table above
    database: psycopg.Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    subject = people.add_subject(database, "p-listed", pathway="hypertension")
    people.set_identity(database, subject, family="Martin", given="Rose")
    land(database, [Delivery(1, 1, "balise/v1/home-1/frames", b"<none>")], datetime.now(UTC))
    steps.validate(database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALISE_DATABASE_URL", database_url)
    app(words, result_action="return_value")
    rows = database.execute(
        "SELECT who, role, action, patients FROM audit ORDER BY number DESC LIMIT 1"
    ).fetchall()
    assert rows == [(who(), "command", action, [subject] if of_one else [])]


def test_a_patient_has_the_list_of_who_looked(written: psycopg.Connection, balise: Balise):
    subject = people.add_subject(written, "p-listed", pathway="hypertension")
    audit.add(written, [subject], who="nurse", action="view", what="GET /patients/{code}")
    rows = [
        json.loads(one)
        for one in balise("audit", "list", "p-listed", "--json").stdout.split("\n")
        if one
    ]
    assert [(one["role"], one["action"]) for one in rows] == [("command", "view")] * 2
    assert rows[1]["who"] == "nurse"
    unknown = balise("audit", "list", "nobody")
    assert (unknown.returncode, "no patient nobody" in unknown.stderr) == (Exit.USAGE, True)
    assert balise("audit", "verify", "--head", "nonsense").returncode == Exit.USAGE
