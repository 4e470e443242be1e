"""`balise decode` and `balise devices`, as somebody with a frame and a question uses them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from balise.__main__ import app
from balise.decode import decode_file
from balise.errors import PartlyRefused, UsageError
from devices.models import MODELS

ACCU_CHEK = "1b0f00e807011e053a1b53016fb0f80000"
WEIGHT = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "effectiveDateTime": "2026-02-01T07:00:00+01:00",
    "valueQuantity": {"value": 75.5, "code": "kg", "system": "http://unitsofmeasure.org"},
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    with pytest.raises(SystemExit) as ended:
        app([*arguments, "--json"])
    assert ended.value.code == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_record_alone_awaits_its_context(capsys: pytest.CaptureFixture[str]):
    (answer,) = run(capsys, "decode", "1808/2A18", ACCU_CHEK)
    assert answer["awaits"] == ["2A34"]
    assert answer["time"] == "device_clock"
    assert answer["readings"][0]["stored"] == {"value": "111", "unit": "mg/dL", "quality": []}
    assert answer["readings"][0]["precision"] == "0.00001"


def test_with_its_context_it_awaits_nothing(capsys: pytest.CaptureFixture[str]):
    (answer,) = run(capsys, "decode", "1808/2A18", ACCU_CHEK, "--with", "2A34:020f0001")
    assert (answer["awaits"], answer["facts"]["meal"]) == ([], "before meal")


def test_base64_and_a_file_are_the_same_bytes(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    raw = bytes.fromhex("0ef22fe507071715211f02d400a406")
    file = tmp_path / "frame.bin"
    file.write_bytes(raw)
    answers = [
        run(capsys, "decode", "2A9D", raw.hex()),
        run(capsys, "decode", "2A9D", base64.b64encode(raw).decode(), "--base64"),
        run(capsys, "decode", "2A9D", "--file", str(file)),
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0]["user"] == 2


def test_a_models_own_layout(capsys: pytest.CaptureFixture[str]):
    (answer,) = run(
        capsys, "decode", "2A35", "56760050000000ea07080b141b00003c000004", "--model", "beurer-bm85"
    )
    assert answer["quality"] == ["irregular_pulse"]


def test_a_document_of_a_convention(capsys: pytest.CaptureFixture[str]):
    (answer,) = run(capsys, "decode", "fhir", json.dumps(WEIGHT))
    assert answer["readings"][0]["value"] == "75.5"
    assert (answer["time"], answer["taken_at"]) == ("stated", "2026-02-01T06:00:00+00:00")


def test_the_data_points_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    bundle = {"resourceType": "Bundle", "entry": [{"resource": WEIGHT}, {"resource": WEIGHT}]}
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    answers = run(capsys, "decode", "file", str(file))
    assert [answer["readings"][0]["value"] for answer in answers] == ["75.5", "75.5"]


def test_a_file_of_which_some_is_refused_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    bad = WEIGHT | {"status": "done"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": WEIGHT}, {"resource": bad}]}
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    with pytest.raises(PartlyRefused):
        decode_file(file, as_json=True)
    good, refused = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert good["readings"]
    assert refused["reason"] == "payload_invalid"


def test_a_value_no_patient_has_ends_with_65(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        app(["decode", "2A9D", "000a00", "--json"])
    assert ended.value.code == 65
    assert json.loads(capsys.readouterr().out)["reason"] == "value_impossible"


def test_a_message_without_an_observation_says_so(capsys: pytest.CaptureFixture[str]):
    """Found by fuzzing: it is whole, and has none."""
    with pytest.raises(SystemExit) as ended:
        app(["decode", "2BDD", "7b0a810922ff0300000000", "--json"])
    assert ended.value.code == 65
    assert json.loads(capsys.readouterr().out)["reason"] == "no_reading"


@pytest.mark.parametrize("companion", ["020f0001", "2A34:xyz"])
def test_a_companion_is_written_with_its_characteristic(companion: str):
    with pytest.raises(UsageError):
        app(["decode", "1808/2A18", ACCU_CHEK, "--with", companion], result_action="return_value")


def test_every_model_is_listed(capsys: pytest.CaptureFixture[str]):
    assert len(run(capsys, "devices", "list")) == len(MODELS) >= 20


def test_a_model_is_shown_with_its_steps(capsys: pytest.CaptureFixture[str]):
    (answer,) = run(capsys, "devices", "show", "beurer-bm85")
    assert answer["frames"] == ["1810/2A35"]
    assert len(answer["steps"]["fr"]) == len(answer["steps"]["en"]) > 2


def test_tables_are_for_people(capsys: pytest.CaptureFixture[str]):
    for arguments in (
        ["devices", "list"],
        ["devices", "show", "beurer-bm85"],
        ["decode", "2A19", "64"],
    ):
        app(arguments, result_action="return_value")
    said = capsys.readouterr().out
    assert "Beurer" in said
    assert "battery_level" in said


def test_an_unknown_model_names_the_near_ones():
    with pytest.raises(UsageError, match="beurer-bm85"):
        app(["devices", "show", "beurer-bm8"], result_action="return_value")
