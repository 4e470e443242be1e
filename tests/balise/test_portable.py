"""What a patient takes along: all of theirs, exact, and nothing of the other who shares the box."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from balise import portable
from balise.errors import Exit
from care.fhir.checker import check
from devices.payloads import balise_v1
from flows import replay, steps
from flows.replay import Asked, Hand
from ingest.receive import Delivery, land
from sql import people

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERS, HIS = "C0:00:00:00:00:0A", "C0:00:00:00:00:0B"


@pytest.fixture
def couple(database: psycopg.Connection, database_url: str) -> psycopg.Connection:
    """Two patients of one box, whose weights came in the same messages."""
    for code, family, scale in (("p-her", "Elle", HERS), ("p-his", "Lui", HIS)):
        subject = people.add_subject(database, code, pathway="heart_failure")
        people.set_identity(database, subject, family=family, given="Dominique")
        people.give(database, scale, subject, since=datetime(2026, 1, 1, tzinfo=UTC))
        database.execute(
            "INSERT INTO note (subject, who, text) VALUES (%s, 'nurse', %s)",
            (subject, f"{family} était là"),
        )
    for day in range(1, 6):
        bodies = [
            balise_v1.encode_item(
                balise_v1.Item(
                    device=scale,
                    captured_at=datetime(2026, 11, day, 7, tzinfo=UTC),
                    service="181D",
                    characteristic="2A9D",
                    data=f"00{low + day:02x}3f",
                )
            )
            for scale, low in ((HERS, 0x10), (HIS, 0x80))
        ]
        body = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
        land(database, [Delivery(1, 1, "balise/v1/home/frames", body)], NOW)
    steps.run_line(database_url, NOW)
    return database


def test_all_of_hers_and_nothing_of_his(couple: psycopg.Connection, tmp_path: Path):
    said = portable.export(couple, "p-her", tmp_path / "hers")
    assert (said["readings"], said["items"], said["note"], said["looks"]) == (5, 5, 1, 1)
    texts = {path.name: path.read_text() for path in (tmp_path / "hers").iterdir()}
    assert texts.keys() == {
        *("identity.json", "patient.json", "fhir.json", "readings.csv", "raw.jsonl"),
        *("decisions.jsonl", "access.csv"),
    }
    kept = json.loads(texts["identity.json"])
    assert (kept["family"], kept["ins"], kept["status"]) == ("Elle", None, "provisional")
    his = ("p-his", "Lui", HIS, "00813f", "00823f")
    assert not [(name, one) for name, text in texts.items() for one in his if one in text]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "hers").iterdir()} == {0o600}


def test_each_form_says_the_same_exactly(couple: psycopg.Connection, tmp_path: Path):
    portable.export(couple, "p-her", tmp_path)
    stored = couple.execute(
        "SELECT taken_at, value FROM reading JOIN subject ON subject.id = subject"
        " WHERE code = 'p-her'"
    ).fetchall()
    table = list(csv.DictReader((tmp_path / "readings.csv").read_text().splitlines()))
    assert Counter(
        (datetime.fromisoformat(one["taken_at"]), Decimal(one["value"])) for one in table
    ) == Counter(stored)
    text = (tmp_path / "fhir.json").read_text()
    bundle = json.loads(text, parse_float=Decimal)
    told = [one["resource"] for one in bundle["entry"]]
    assert Counter(
        (datetime.fromisoformat(one["effectiveDateTime"]), one["valueQuantity"]["value"])
        for one in told
        if one["resourceType"] == "Observation"
    ) == Counter(stored)
    assert check(json.loads(text)) == []
    lines = (tmp_path / "raw.jsonl").read_text().splitlines()
    sent = [json.loads(line)["sent"] for line in lines]
    assert {one["data"] for one in sent} == {f"00{0x10 + day:02x}3f" for day in range(1, 6)}


def test_of_a_scale_that_was_given_over_each_has_their_own_side(
    couple: psycopg.Connection, database_url: str, tmp_path: Path
):
    his = people.find(couple, "p-his")
    assert his
    people.give(couple, HERS, his.id, since=datetime(2026, 11, 4, tzinfo=UTC))
    replay.replay(couple, Asked(), Hand(who="nurse", why="it was his by then"))
    steps.run_line(database_url, NOW)
    said = {}
    for code in ("p-her", "p-his"):
        portable.export(couple, code, tmp_path / code)
        lines = (tmp_path / code / "decisions.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        said[code] = [one["row"] for one in rows if one["kind"] == "revision"]
    assert len(said["p-her"]) == len(said["p-his"]) == 2
    assert all("old_value" in one and "new_value" not in one for one in said["p-her"])
    assert all("new_value" in one and "old_value" not in one for one in said["p-his"])
    raw = (tmp_path / "p-her" / "raw.jsonl").read_text()
    assert raw.count(HERS) == 5  # what she measured is hers to have, whoever it was given to


def test_what_was_refused_of_her_scale_is_hers(
    couple: psycopg.Connection, database_url: str, tmp_path: Path
):
    frame = balise_v1.Item(
        device=HERS, captured_at=NOW, service="181D", characteristic="2A9D", data="00",
    )  # fmt: skip
    body = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(frame))])
    land(couple, [Delivery(1, 1, "balise/v1/home/frames", body)], NOW)
    steps.run_line(database_url, NOW)
    said = portable.export(couple, "p-her", tmp_path / "hers")
    assert (said["refused"], said["items"], said["readings"]) == (1, 6, 5)
    assert "refused" not in portable.export(couple, "p-his", tmp_path / "his")


def test_the_command(couple: psycopg.Connection, database_url: str, tmp_path: Path):
    def balise(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "BALISE_DATABASE_URL": database_url}
        command = [sys.executable, "-m", "balise", "db", "export", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    done = balise("p-her", str(tmp_path / "out"), "--json")
    assert json.loads(done.stdout)["readings"] == 5, done.stderr
    assert balise("nobody", str(tmp_path / "out")).returncode == Exit.USAGE
    (tmp_path / "file").write_text("")
    assert balise("p-her", str(tmp_path / "file")).returncode == Exit.USAGE
    row = couple.execute("SELECT count(*) FROM audit WHERE what = 'balise db export'").fetchone()
    assert row
    assert row[0] >= 1
