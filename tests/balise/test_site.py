"""What a site declares: mappings are checked before they are kept, slots are given by command."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from balise import site
from balise.errors import Exit, UsageError
from balise.settings import Settings
from devices.payloads import balise_v1, shipped
from devices.payloads.site import conventions
from sql import mappings, people

CUFF = """
name = "village_cuff"
title = "The cuff of a village's own application"
source = "made up for this test"
time = {format = "iso", path = "at"}
value = [
    {metric = "systolic_blood_pressure", path = "bp.high", unit = "mm[Hg]"},
    {metric = "diastolic_blood_pressure", path = "bp.low", unit = "mm[Hg]"},
]
[[sample]]
document = '{"at": "2026-02-01T07:00:00Z", "bp": {"high": 132, "low": 81}}'
expect = {systolic_blood_pressure = "132 mm[Hg]", diastolic_blood_pressure = "81 mm[Hg]"}
"""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


def test_a_mapping_file_is_kept_and_read_by_the_flows(
    settings: Settings, database: psycopg.Connection, tmp_path: Path
):
    file = tmp_path / "cuff.toml"
    file.write_text(CUFF)
    assert site.mapping(settings, str(file)).name == "village_cuff"
    read = conventions(tuple(mappings.kept(database).items()))["village_cuff"].read
    (decoded,) = read('{"at": "2026-02-02T07:00:00Z", "bp": {"high": 120, "low": 80}}')
    assert [str(value.value) for value in decoded.readings] == ["120", "80"]
    assert site.mapping(settings, "village_cuff").title.startswith("The cuff")


def test_a_shipped_mapping_is_known_by_its_name(settings: Settings):
    assert site.mapping(settings, "omblepy") == shipped.shipped("omblepy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "bad"', r"bad\.toml"),
        (
            CUFF.replace("bp.high", "bp.x").replace("bp.low", "bp.high").replace("bp.x", "bp.low"),
            "systolic",
        ),
        (CUFF.replace("mm[Hg]", "kg"), "kg"),
    ],
)
def test_a_mapping_of_nonsense_is_refused(tmp_path: Path, text: str, says: str):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        site.checked(file)


def test_a_mapping_that_is_nowhere(settings: Settings):
    with pytest.raises(UsageError, match="omblepy"):
        site.mapping(settings, "nowhere")


def test_a_slot_is_given_to_an_enrolled_patient(settings: Settings, database: psycopg.Connection):
    with pytest.raises(UsageError, match="no patient"):
        site.give(settings, "AA:BB", "p-1", slot=2, since=None)
    people.add_subject(database, "p-1", pathway="hypertension")
    for slot in (1, 2, 2):
        site.give(
            settings, "AA:BB", "p-1", slot=slot, since=datetime(2026, 2, 1, tzinfo=UTC).date()
        )
    found = database.execute("SELECT slot, lower(during) FROM assignment ORDER BY slot").fetchall()
    midnight = datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert found == [(1, midnight), (2, midnight)]


def test_a_wrong_mapping_ends_the_command_with_usage(tmp_path: Path):
    file = tmp_path / "bad.toml"
    file.write_text(CUFF.replace("mm[Hg]", "kg"))
    done = subprocess.run(
        (sys.executable, "-m", "balise", "mappings", "lint", str(file)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "kg" in done.stderr) == (Exit.USAGE, True)


def test_an_envelope_names_the_mapping():
    item = balise_v1.Item(device="AA", convention="village_cuff", document="{}")
    assert b"village_cuff" in balise_v1.encode_item(item)
