"""What the box says when it is asked at home: while its gateway runs, and while it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.payloads import balise_v1
from ingest.gateway import health, standing
from ingest.gateway.adapter import Adapter
from ingest.gateway.box import DeviceState, State
from ingest.gateway.devices import KnownDevice, folder, write
from ingest.gateway.spool import Spool
from ingest.gateway.watch import RadioState

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CUFF = KnownDevice(address="F0:00:00:00:00:01", model="beurer-bm85")
SCALE = KnownDevice(address="F0:00:00:00:00:02", model="nobodys-scale")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A box whose gateway has run, with one item that waits."""
    made = folder(tmp_path, "home-1")
    write(made / "devices.json", [CUFF, SCALE])
    spool = Spool(made / "spool.db", 64)
    spool.put(balise_v1.encode_item(balise_v1.Item(device="A", captured_at=NOW, data="00")))
    spool.close()
    told = DeviceState(CUFF, NOW, NOW - timedelta(days=1), 18, NOW, bonded=True)
    state = State("home-1", (told,), 0, connected=True, radio=True)
    condition = health.Condition(
        connected_at=NOW,
        adapter=Adapter(state=RadioState.HEARING, name="hci0", address="00:11:22:33:44:55"),
        settings=health.Remote(
            state=health.RemoteState.APPLIED, version=3, refused="These settings …"
        ),
    )
    said = health.encode(state, clock_known=True, now=NOW, box=condition)
    (made / "status.json").write_bytes(said)
    return made


def balise(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "balise", "gateway", *arguments],
        env=os.environ
        | {"BALISE_HOME": str(home), "BALISE_GATEWAY_NAME": "home-1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def answer(home: Path) -> dict[str, Any]:
    return json.loads(balise(home, "status", "--json"))


def test_all_of_it_while_the_gateway_runs(here: Path, tmp_path: Path):
    with standing.held(here):
        found, words = answer(tmp_path), balise(tmp_path, "status")
    assert (found["running"], found["said_at"]) == (True, "2026-11-25T09:00:00Z")
    assert found["box"]["spool"]["waiting"] == 1  # looked at now: the gateway had said 0
    assert found["box"]["adapter"]["address"] == "00:11:22:33:44:55"
    for line in (
        "home-1, running",
        "connected since 2026-11-25 09:00 UTC",
        "hearing hci0 00:11:22:33:44:55",
        "1 of 1 items, the oldest from 2026-11-25 09:00 UTC",
        "nothing",
        "none: not enrolled",
        "port 8730",
        "GB free",
        "version 3 applied; refused: These settings …",
        "2; see `balise gateway devices`",
    ):
        assert line in words


def test_what_is_known_from_files_while_it_does_not(here: Path, tmp_path: Path):
    found, words = answer(tmp_path), balise(tmp_path, "status")
    assert (found["running"], found["box"]["connected_at"]) == (False, None)
    assert "home-1, not running" in words
    assert "devices, adapter and server, at 2026-11-25 09:00 UTC" in words
    (here / "status.json").unlink()
    assert (answer(tmp_path)["said_at"], len(answer(tmp_path)["devices"])) == (None, 2)


def test_the_devices_with_what_is_known_of_each(here: Path, tmp_path: Path):
    table = balise(tmp_path, "devices")
    assert "this is what it knew last of 2026-11-25 09:00 UTC" in table
    cuff, scale = (line for line in table.splitlines() if "F0:00" in line)
    for cell in ("2026-11-24 09:00 UTC", "18 %, 2026-11-25 09:00 UTC", "yes"):
        assert cell in cuff
    assert scale.count("never") == 2
    with standing.held(here):
        assert "knew last" not in balise(tmp_path, "devices")
    first, second = map(json.loads, balise(tmp_path, "devices", "--json").splitlines())
    assert (first["battery"], first["bonded"]) == (18, True)
    assert (second["model"], second["heard_at"]) == ("nobodys-scale", None)
