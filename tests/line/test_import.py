"""`balise import` of real files nobody here wrote, through broker, landing and flows."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from balise.errors import Exit
from balise.hand import who
from bench.line import Line
from flows import steps

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def flows(line: Line) -> Iterator[None]:
    """The four steps, run as often as `balise flows serve` would."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            steps.run_line(line.settings.database_url)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def run_import(line: Line, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "balise", "import", "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("jhe", {"data_points": 7, "accepted": 8, "refused": 0, "unread_files": 0}),
        ("engage-hf", {"data_points": 601, "accepted": 801, "refused": 0, "unread_files": 0}),
        ("cgm/subject_1.csv", {"data_points": 2915, "accepted": 2915, "refused": 0}),
    ],
)
def test_real_files_are_accepted(line: Line, shared: Path, folder: str, expected: dict[str, int]):
    code, answer = run_import(line, str(shared / "data" / folder))
    assert {key: answer[key] for key in expected} == expected
    assert answer["landed"] == answer["accepted"] + answer["duplicate"] + answer["refused"]
    assert (code, answer["waiting"]) == (Exit.OK, 0)


@pytest.mark.shared
def test_the_same_files_again_are_duplicates(line: Line, shared: Path):
    run_import(line, str(shared / "data/jhe"))
    _, answer = run_import(line, str(shared / "data/jhe"))
    assert (answer["accepted"], answer["duplicate"], answer["refused"]) == (0, 8, 0)
    with psycopg.connect(line.settings.database_url) as database:
        written = database.execute(
            "SELECT DISTINCT who FROM audit JOIN audit_patient USING (number)"
            " WHERE what = 'balise import' AND action = 'change'"
        ).fetchall()
    assert written == [(who(),)]


@pytest.mark.shared
def test_what_is_no_measurement_is_refused_with_its_reason(line: Line, shared: Path):
    code, answer = run_import(line, str(shared / "data/hl7-phd"))
    assert code == Exit.PARTIAL
    assert answer["landed"] == answer["accepted"] + answer["duplicate"] + answer["refused"]
    with psycopg.connect(line.settings.database_url) as database:
        reasons = {row[0] for row in database.execute("SELECT DISTINCT reason FROM refused")}
    assert reasons == {"no_reading", "frame_no_value"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", "{", "not readable JSON"),
        ("b.json", "{}", "no convention"),
        ("c.csv", "x,y\n1,2\n", "columns"),
        ("d.json", "\xff", "UTF-8"),
    ],
)
def test_a_bad_file_is_named_and_the_others_go_on(
    line: Line, tmp_path: Path, name: str, content: str, says: str
):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    code, answer = run_import(line, str(tmp_path))
    assert (code, answer["unread_files"]) == (Exit.PARTIAL, 1)
    assert says
