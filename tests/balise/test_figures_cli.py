"""`balise metrics`: anybody checks a figure of a file, and is told what is wrong with the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from balise import figures
from balise.errors import UsageError

HEADER = "time,metric,value,unit\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "balise", "metrics", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def week(path: Path, unit: str = "") -> Path:
    lines = [
        f"2026-03-{day:02}T{hour:02}:00,{metric},{value},{unit}"
        for day in range(2, 9)
        for hour in (7, 8, 20, 21)
        for metric, value in (("systolic_blood_pressure", 135), ("diastolic_blood_pressure", 85))
    ]
    path.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return path


def test_a_week_of_pressures_as_json_and_as_words(tmp_path: Path):
    path = str(week(tmp_path / "week.csv"))
    done = run("home_blood_pressure", path, "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    mean = found[0]
    assert (mean["name"], mean["value"], mean["unit"]) == (
        "mean_systolic_blood_pressure",
        "135",
        "mm[Hg]",
    )
    assert (mean["n"], mean["days"], mean["start"]) == (24, 7, "2026-03-02")
    said = run("home_blood_pressure", path, "--day", "2026-03-04").stdout.splitlines()
    assert said[0] == "mean_systolic_blood_pressure: not enough data, missing: readings"


def test_the_protocol_is_chosen(tmp_path: Path):
    path = str(week(tmp_path / "week.csv"))
    counted = {
        name: json.loads(
            run("home_blood_pressure", path, "--protocol", name, "--json").stdout.splitlines()[0]
        )
        for name in ("esh7", "FR3", "TRIPLET5")
    }
    # Of 28: without the first day; of three days; without two days and the first of each session.
    assert [one["n"] for one in counted.values()] == [24, 12, 10]
    assert "FR3" in counted["FR3"]["source"]
    assert counted["TRIPLET5"]["value"] is None
    for wrong in (
        ("home_blood_pressure", path, "--protocol", "WHO"),
        ("sleep", path, "--protocol", "FR3"),
    ):
        assert run(*wrong).returncode == 2


def days(path: Path, values: list[float]) -> Path:
    lines = [
        f"2026-03-{day:02}T08:00,body_weight,{value},kg" for day, value in enumerate(values, 1)
    ]
    path.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return path


def test_a_trend_of_anybodys_file(tmp_path: Path):
    """A tenth of a kilogram a day, with no scatter: slope and interval are that."""
    path = days(tmp_path / "file.csv", [70 + day / 10 for day in range(20)])
    (found,) = (json.loads(line) for line in run("trend", str(path), "--json").stdout.splitlines())
    assert [found[name] for name in ("value", "lowest", "highest")] == pytest.approx([0.1] * 3)
    assert found["p"] < 1e-6
    assert (found["metric"], found["unit"], found["n"], found["told"]) == (
        "body_weight",
        "kg/d",
        20,
        True,
    )
    few = run("trend", str(days(tmp_path / "few.csv", [70, 71])))
    assert few.stdout.strip() == "trend body_weight: not enough data, missing: days: 4 at least"
    earlier = run("trend", str(path), "--day", "2026-03-03")
    assert "not enough data" in earlier.stdout


def test_what_is_usual_and_how_far_from_it_the_last_days_are(tmp_path: Path):
    """Medians 70, deviations 1 by half: a scale of 1.4826; then three days of 73."""
    path = days(tmp_path / "file.csv", [69, 71] * 5 + [70] + [73] * 3)
    (found,) = (
        json.loads(line)
        for line in run("personal_baseline", str(path), "--json").stdout.splitlines()
    )
    z = 3 / 1.4826
    assert (found["value"], found["scale"]) == (70, 1.4826)
    assert found["distance"] == found["smoothed"] == pytest.approx(z, abs=1e-6)
    assert found["rise"] == pytest.approx(3 * (z - 0.5), abs=1e-5)
    few = run("personal_baseline", str(days(tmp_path / "few.csv", [70] * 5)))
    assert "not enough data, missing: days: 7 of the 28 before" in few.stdout


def test_the_profile_of_a_sensor(tmp_path: Path):
    lines = [
        f"2026-03-{day:02}T{hour:02}:{minute:02}+01:00,interstitial_glucose,{100 + hour},mg/dL"
        for day in range(1, 15)
        for hour in range(24)
        for minute in (0, 15, 30, 45)
    ]
    path = tmp_path / "sensor.csv"
    path.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    found = [
        json.loads(line) for line in run("glucose_profile", str(path), "--json").stdout.splitlines()
    ]
    assert [one["hour"] for one in found] == list(range(24))
    assert all(one["p5"] == one["value"] == one["p95"] == 100 + one["hour"] for one in found)
    path.write_text(HEADER + "\n".join(lines[:200]), encoding="utf-8")
    assert run("glucose_profile", str(path)).returncode == 2


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + "2026-03-02T07:00,body_weight,70,kg\nyesterday,body_weight,71,kg\n")
    done = run("weight_change", str(path))
    assert done.returncode == 2
    assert "line 3 is no reading" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"time": "2026-03-02T07:00", "metric": "colour", "value": "1"}, "colour"),
        ({"time": "2026-03-02T07:00", "metric": "body_weight", "value": "heavy"}, "line 2"),
        ({"time": "2026-03-02T07:00", "metric": "body_weight", "value": "7", "unit": "ft"}, "ft"),
        ({"metric": "body_weight", "value": "7"}, "time"),
    ],
)
def test_a_row_that_is_none(row: dict[str, Any], says: str):
    with pytest.raises(UsageError, match=says):
        figures.figures("weight_change", [row], None, "Europe/Paris")


def test_a_file_without_readings():
    with pytest.raises(UsageError, match="no reading"):
        figures.figures("weight_change", [], None, "Europe/Paris")


def test_pounds_are_converted():
    rows = [
        {"time": "2026-03-02T07:00", "metric": "body_weight", "value": "150", "unit": "[lb_av]"}
    ]
    last = figures.figures("weight_change", rows, None, "Europe/Paris")[0]
    assert last["value"] == "68.0"


PARTS = {
    "respiratory_rate": "21",
    "oxygen_saturation": "94",
    "on_oxygen": "no",
    "systolic_blood_pressure": "105",
    "pulse_rate": "98",
    "consciousness": "a",
    "body_temperature": "37.2",
}


def test_news2_of_a_row():
    whole, part = figures.scores([PARTS, {**PARTS, "consciousness": ""}])
    assert (whole["value"], whole["risk"]) == (5, "medium")
    assert (part["value"], part["missing"]) == (None, "consciousness")


@pytest.mark.parametrize(("name", "said"), [("on_oxygen", "perhaps"), ("consciousness", "Z")])
def test_an_observation_that_is_none(name: str, said: str):
    with pytest.raises(UsageError, match="columns: respiratory_rate"):
        figures.scores([{**PARTS, name: said}])
