"""`balise fhir`: files that leave, what waits, and what is wrong with a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from care.fhir import mes
from care.fhir.checker import check
from demo.enrol import enrol_one
from demo.history import documents
from demo.patients import PATIENTS
from devices.payloads import balise_v1
from flows import delivery, steps
from ingest.receive import Delivery, land
from sql import people

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def site(new_database: Callable[[], str]) -> str:
    """One virtual patient's sixty days."""
    url, now = new_database(), datetime.now(UTC)
    patient = PATIENTS[0]
    with psycopg.connect(url, autocommit=True) as connection:
        subject = enrol_one(connection, patient, now - timedelta(days=90))
        people.give(connection, "import/one", subject, since=now - timedelta(days=90))
        bodies = [
            balise_v1.encode_item(
                balise_v1.Item(device="import/one", convention=one.convention, document=one.text)
            )
            for one in documents(patient, now)
        ]
        payload = balise_v1.encode_message("0" * 32, enumerate(bodies, 1))
        land(connection, [Delivery(1, 1, f"balise/v1/{patient.gateway}/frames", payload)], now)
    steps.run_line(url, now)
    return url


def run(site: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "balise", "fhir", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "BALISE_DATABASE_URL": site},
    )


def test_what_is_exported_is_right_and_the_check_says_so(site: str, tmp_path: Path):
    done = run(site, "export", "p-martin", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "out").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    bundle = json.loads(file.read_text())
    assert check(bundle) == []
    assert len(bundle["entry"]) > 100
    said = run(site, "check", str(file))
    assert (said.returncode, said.stdout.strip()) == (0, "1 files are right")


def test_one_measurement_a_file_for_mon_espace_sante(site: str, tmp_path: Path):
    there = ("--profile", "mes", "--oid", "1.2.250.1.999", "--person", "idpe-1")
    done = run(site, "export", "p-martin", str(tmp_path), *there)
    assert done.returncode == 0, done.stderr
    bundles = [json.loads(file.read_text()) for file in sorted(tmp_path.iterdir())]
    assert len(bundles) > 100
    assert {tuple(mes.refusals(one)) for one in bundles} == {()}
    # They were imported, and of no device on the air.
    assert {len(one["entry"]) for one in bundles} == {1}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "nobody", "x"), "no patient nobody"),
        (("export", "p-martin", "x", "--profile", "mes"), "--oid"),
        (("export", "p-martin", "/proc/x"), "can't be written"),
        (("check", "/nonexistent"), "can't be read as JSON"),
    ],
)
def test_what_can_t_be_done_says_what_to_do(site: str, arguments: tuple[str, ...], says: str):
    done = run(site, *arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())


def test_a_file_that_is_wrong_says_where(site: str, tmp_path: Path):
    path = tmp_path / "bad.json"
    path.write_text('{"resourceType": "Patient", "birthDate": "yesterday"}')
    done = run(site, "check", str(path))
    assert done.returncode == 65
    assert "Patient.birthDate: is no date" in done.stdout


def test_what_waits_what_was_refused_and_once_more(site: str):
    assert "nothing was ever queued" in run(site, "status").stdout
    with psycopg.connect(site, autocommit=True) as connection:
        answers = [delivery.Answer(422, "no such subject")]

        def post(_body: bytes) -> delivery.Answer:
            return answers.pop() if answers else delivery.Answer(None, "ConnectError")

        delivery.deliver(connection, datetime.now(UTC), post, language="fr")
    said = [json.loads(line) for line in run(site, "status", "--json").stdout.splitlines()]
    assert {one["state"]: one["answer"] for one in said}["refused"] == "no such subject"
    assert run(site, "again").stdout.startswith("1 bundles")
