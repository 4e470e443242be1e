"""The flows under a real Prefect server: what a run shows, what it never shows, and its absence."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

import sql
from bench.line import Line, running
from bench.waiting import until
from devices.payloads import balise_v1
from ingest.receive import Delivery, land

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SCALE = "C0:00:00:00:0C:01"
CANARY = 81.235
"""A weight that would stand out anywhere but in the database."""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=True, members=("flows serve --no-schedules",)) as started:
        started.enrol("home-canary", {SCALE: "Scale"}, pathway="heart_failure")
        yield started


def send(line: Line, epoch: UUID, kilograms: float, at: datetime) -> None:
    raw = round(kilograms / 0.005).to_bytes(2, "little")
    item = balise_v1.Item(
        device=SCALE, captured_at=at, service="181D", characteristic="2A9D", data="00" + raw.hex()
    )
    payload = balise_v1.encode_message(epoch, [(1, balise_v1.encode_item(item))])
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        land(database, [Delivery(1, 1, "balise/v1/home-canary/frames", payload)], at)


def summarised(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute(
            "SELECT (SELECT count(*) FROM reading) * (SELECT count(*)::int FROM dirty_subject"
            " WHERE summarised = generation AND assessed = generation)"
        ).fetchone()
    return int(row[0]) if row else 0


def ask(line: Line, what: str) -> list[dict[str, Any]]:
    url = f"{line.stack.endpoints.prefect_api_url}/{what}/filter"
    return httpx.post(url, json={}, timeout=20).raise_for_status().json()


def test_a_landing_starts_the_four_flows_and_each_says_what_it_did(line: Line):
    send(line, uuid4(), CANARY, datetime.now(UTC))
    until(lambda: summarised(line) == 1)
    until(lambda: len(ask(line, "flow_runs")) >= 4)
    until(lambda: all(run["state_type"] == "COMPLETED" for run in ask(line, "flow_runs")))
    runs = [run for run in ask(line, "flow_runs") if "nothing to do" not in run["name"]]
    said = {run["name"].split()[0]: run["state"]["message"] for run in runs}
    assert (
        said["validate"]
        == "messages 1, landed 1, accepted 1, duplicate 0, refused 0, conflicting 0"
    )
    assert said["aggregate"].startswith("windows 1, readings 1")
    assert said["summarise"] == "subjects 1, raised 0, closed 0, failed 0"
    artifacts = {artifact["key"]: artifact["data"] for artifact in ask(line, "artifacts")}
    assert json.loads(artifacts["validate-accounting"])[0]["accepted"] == 1
    assert "landed 1 = accepted 1 + duplicate 0 + refused 0" in artifacts["validate-report"]


def test_a_runs_name_says_its_window(line: Line):
    names = {run["name"].split()[0]: run["name"] for run in ask(line, "flow_runs")}
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"validate received {moment} to {moment}", names["validate"])
    assert re.fullmatch(r"aggregate days \S+ to \S+", names["aggregate"])
    assert re.fullmatch(r"summarise as of .*Z", names["summarise"])


def test_neither_prefect_nor_any_log_holds_a_value_or_a_name(line: Line):
    kept = repr([ask(line, what) for what in ("flow_runs", "artifacts", "logs")])
    logs = "".join(path.read_text(errors="replace") for path in line.fleet.logs.glob("*.log"))
    assert "accepted 1" in kept
    for canary in (str(CANARY), "Test", "home-canary"):
        assert canary not in kept
    for canary in (str(CANARY), "Test home-canary"):
        assert canary not in logs


def test_with_prefect_killed_in_mid_run_the_flows_go_on(line: Line):
    url = line.settings.database_url
    with psycopg.connect(url) as other, other.transaction():
        other.execute("LOCK TABLE packed_reading IN EXCLUSIVE MODE")
        send(line, uuid4(), 80.5, datetime.now(UTC) - timedelta(minutes=5))
        with psycopg.connect(url, autocommit=True) as watch:
            until(lambda: bool(watch.execute(WAITING).fetchone()))
        os.kill(line.stack.pid("prefect"), signal.SIGKILL)
    # Prefect's client alone would ask for two minutes.
    until(lambda: not behind(line) and summarised(line) == 2, 100)
    send(line, uuid4(), 80.7, datetime.now(UTC) - timedelta(minutes=4))
    until(lambda: not behind(line) and summarised(line) == 3, 100)


def behind(line: Line) -> bool:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute(sql.get("flows.behind")).fetchone()
    return row is None or any(row)


WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'packed_reading'::regclass AND NOT granted"


def test_with_prefect_back_its_server_shows_runs_again(line: Line):
    line.stack.restart("prefect")
    line.stack.wait_prefect()
    before = len(ask(line, "flow_runs"))
    send(line, uuid4(), 80.9, datetime.now(UTC) - timedelta(minutes=3))
    until(lambda: not behind(line) and summarised(line) == 4)
    until(lambda: len(ask(line, "flow_runs")) >= before + 4)
    with psycopg.connect(line.settings.database_url) as database:
        account = database.execute(
            "SELECT sum(landed), sum(accepted), sum(duplicate), sum(refused) FROM account"
        ).fetchone()
    assert account == (4, 4, 0, 0)
