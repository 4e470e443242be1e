from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from balise.errors import EXIT_CODES, BaliseError, Exit, exit_code
from balise.stack import Stack


def balise(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BALISE_")}
    return subprocess.run(
        [sys.executable, "-m", "balise", *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_decode_keeps_its_contract():
    done = balise("decode", "2A35", "167c0056006100e807060f11111b33000000", "--json")
    assert done.returncode == Exit.OK
    answer = json.loads(done.stdout)
    assert (
        answer.items()
        >= {
            "service": "1810",
            "characteristic": "2A35",
            "device_time": "2024-06-15T17:17:27",
            "quality": [],
            "state": "measured",
            "time": "device_clock",
            "awaits": [],
        }.items()
    )
    assert [
        {key: one[key] for key in ("metric", "value", "unit", "quality", "precision")}
        for one in answer["readings"]
    ] == [
        {"metric": metric, "value": value, "unit": unit, "quality": [], "precision": "1"}
        for metric, value, unit in (
            ("systolic_blood_pressure", "124", "mm[Hg]"),
            ("diastolic_blood_pressure", "86", "mm[Hg]"),
            ("mean_arterial_pressure", "97", "mm[Hg]"),
            ("pulse_rate", "51", "/min"),
        )
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("decode", "2A35", "16"), Exit.NOT_UNDERSTOOD),
        (("decode", "2A35", "16", "--json"), Exit.NOT_UNDERSTOOD),
        (("decode", "1810/2A37", "0048"), Exit.NOT_UNDERSTOOD),
        (("decode", "2A35", "xyz"), Exit.USAGE),
        (("receive",), Exit.USAGE),
        (("import", "/nowhere"), Exit.USAGE),
        (("flows", "run", "nothing"), Exit.USAGE),
        (("doctor", "teeth"), Exit.USAGE),
        (("doctor", "database"), Exit.DEPENDENCY_DOWN),
    ],
)
def test_bad_input_ends_with_its_code_and_says_what_to_do(arguments: tuple[str, ...], code: Exit):
    done = balise(*arguments)
    assert done.returncode == code
    assert done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_down_is_said_so():
    done = balise("refused", "list", BALISE_DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert done.returncode == Exit.DEPENDENCY_DOWN
    assert "BALISE_DATABASE_URL" in done.stderr


@pytest.mark.stack
def test_a_whole_line_is_well(database_url: str, stack: Stack):
    settings = {
        "BALISE_DATABASE_URL": database_url,
        "BALISE_MQTT_URL": stack.endpoints.mqtt_url,
        **{f"BALISE_{key.upper()}": str(file) for key, file in stack.endpoints.mqtt_files.items()},
    }
    done = balise("doctor", "database", "broker", "flows", "--json", **settings)
    assert done.returncode == Exit.OK, done.stdout
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True] * 3
    made = balise("account", "someone", "--role", "clinician", **settings)
    assert made.stdout.startswith("someone: http://127.0.0.1:8080/welcome/")
    nobody = balise("account", "misspelt", "--panel", "site", **settings)
    assert (nobody.returncode, "say --role" in nobody.stderr) == (Exit.USAGE, True)


def test_every_error_has_a_code_and_a_message():
    assert exit_code(ValueError()) is Exit.FAILED
    for kind, code in EXIT_CODES:
        assert exit_code(kind()) is code
        assert str(kind())
        assert issubclass(kind, BaliseError)
