"""The box at home installs `requirements/gateway.txt` alone: no server's package may be needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("bumble", "fastapi", "polars", "prefect", "psycopg")
COMMANDS = (["gateway", "--help"], ["devices", "list"], ["decode", "--help"])
ALONE = f"""
import sys
for name in {HEAVY!r}:
    sys.modules[name] = None  # an import of it fails as if it were not installed
import balise.gateway, ingest.gateway.run
from balise.__main__ import main
sys.argv = ["balise", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_gateway_needs_no_package_of_the_server(command: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_of_the_box_has_none_of_them():
    lock = (ROOT / "requirements/gateway.txt").read_text()
    assert not {*HEAVY} & set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))


def test_a_radio_of_its_own_without_bumble_says_what_to_do(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "gateway", "pair", "medisana-bu570"],
        env={"BALISE_BLE": "usb:0", "BALISE_GATEWAY_NAME": "x", "BALISE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "BALISE_BLE=bluez" in " ".join(done.stderr.split())
