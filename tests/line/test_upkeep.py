"""What Prefect's server does beside the runs: tries again, tells, closes, forgets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import psycopg
import pytest
from prefect.events.actions import CallWebhook

from bench.line import Line, running
from bench.waiting import until
from flows import automations
from flows.plans import PLANS
from ingest.receive import Delivery, land
from sql.migrate import migrate

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PORTION = 200
"""What Prefect's pruning deletes at once."""

VALIDATE = """
import asyncio
from prefect import tags
from flows import line
with tags("balise"):
    asyncio.run(line.validate())
"""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=True, members=()) as started:
        yield started


@pytest.fixture
def api(line: Line) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=line.stack.endpoints.prefect_api_url, timeout=60) as client:
        yield client


@contextmanager
def validating(**environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the validate flow in a process of its own, as a worker would."""
    process = subprocess.Popen(
        [sys.executable, "-c", VALIDATE],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate(timeout=90)


def ask(api: httpx.Client, what: str, **about: Any) -> list[dict[str, Any]]:
    return api.post(f"/{what}/filter", json=about).raise_for_status().json()


def put_in(url: str, payload: bytes) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        land(database, [Delivery(1, 1, "balise/v1/home-one/frames", payload)], datetime.now(UTC))


def test_a_database_that_is_away_is_asked_again_until_it_is_there(line: Line, api: httpx.Client):
    base, _, _ = line.settings.database_url.rpartition("/")
    url = f"{base}/comes_later"
    with validating(BALISE_DATABASE_URL=url) as process:
        until(lambda: any(run["run_count"] for run in ask(api, "task_runs")))
        until(lambda: ask(api, "task_runs")[0]["state_name"] == "AwaitingRetry")
        with psycopg.connect(line.settings.database_url, autocommit=True) as database:
            database.execute("CREATE DATABASE being_made TEMPLATE template0")
            migrate(f"{base}/being_made")
            put_in(f"{base}/being_made", b"{")
            # There at once and whole: of one without its tables nobody waits for anything.
            database.execute("ALTER DATABASE being_made RENAME TO comes_later")
    assert process.returncode == 0
    (task,) = ask(api, "task_runs")
    assert task["run_count"] >= 2
    assert task["state_type"] == "COMPLETED"
    (run,) = ask(api, "flow_runs")
    assert run["state_type"] == "COMPLETED"


class Told(BaseHTTPRequestHandler):
    """Somebody's webhook: keeps what is posted to it."""

    posts: list[dict[str, str]]

    def do_POST(self) -> None:
        self.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    Told.posts = []
    server = HTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", Told.posts
    server.shutdown()
    server.server_close()


def balise_automations(**environment: str) -> list[str]:
    command = [sys.executable, "-m", "balise", "flows", "automations"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return [line.rpartition(": ")[2] for line in done.stdout.splitlines()]


def test_automations_are_made_once_and_what_somebody_changed_stays(
    line: Line, api: httpx.Client, webhook: tuple[str, list[dict[str, str]]]
):
    url, _ = webhook
    assert balise_automations() == ["made"] * 3
    assert balise_automations() == ["is there"] * 3
    told = balise_automations(BALISE_FLOW_WEBHOOK=url)
    assert told == ["is there", "tells the webhook now", "tells the webhook now"]
    assert balise_automations(BALISE_FLOW_WEBHOOK=url) == ["is there"] * 3
    assert balise_automations() == ["is there"] * 3
    assert url not in repr(ask(api, "automations"))


def test_a_failed_run_is_told_and_what_is_no_ones_absence_is_not_tried_again(
    line: Line, api: httpx.Client, webhook: tuple[str, list[dict[str, str]]]
):
    _, posts = webhook
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        database.execute("INSERT INTO mapping (name, toml) VALUES ('spoiled', 'no = = toml')")
    put_in(line.settings.database_url, b"{}")
    with validating() as process:
        pass
    assert process.returncode != 0
    failed = [run for run in ask(api, "task_runs") if run["state_type"] == "FAILED"]
    assert [run["run_count"] for run in failed] == [1]
    until(lambda: bool(posts))
    assert posts[0]["what"] == "balise: a run failed"
    # Nothing was lost by it: what is mended is validated.
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        database.execute("DELETE FROM mapping")
    with validating() as process:
        pass
    assert process.returncode == 0


def test_a_run_that_nobody_begins_is_told(
    line: Line, api: httpx.Client, webhook: tuple[str, list[dict[str, str]]]
):
    _, posts = webhook
    (block,) = [
        one["id"] for one in ask(api, "block_documents") if one["name"] == automations.BLOCK
    ]
    action = CallWebhook(block_document_id=block, payload='{"what": "late in the test"}')
    wanted = automations.late([action], within=timedelta(seconds=10))
    body = {**wanted.model_dump(mode="json", exclude={"id"}), "name": "late in the test"}
    api.post("/automations/", json=body).raise_for_status()
    flow = ask(api, "flows")[0]["id"]
    deployment = {"name": "nobody", "flow_id": flow, "tags": ["balise"]}
    made = api.post("/deployments/", json=deployment).raise_for_status().json()
    at = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": _now()}}}
    api.post(f"/deployments/{made['id']}/create_flow_run", json=at).raise_for_status()
    until(lambda: {"what": "late in the test"} in posts)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def test_serve_alone_holds_every_schedule_and_runs_what_is_asked(line: Line, api: httpx.Client):
    line.fleet.add("serve", "flows", "serve")
    until(lambda: len(served(api)) == len(PLANS))
    found = served(api)
    assert {one["work_pool_name"] for one in found.values()} == {None}
    assert found["validate/scheduled"]["schedules"][0]["schedule"]["interval"] == 300
    assert found["validate/scheduled"]["global_concurrency_limit"]["limit"] == 2
    deployment = found["retention/scheduled"]["id"]
    body = {"parameters": {"dry_run": True}}
    asked = api.post(f"/deployments/{deployment}/create_flow_run", json=body).raise_for_status()
    run = f"/flow_runs/{asked.json()['id']}"
    until(lambda: api.get(run).json()["state_type"] == "COMPLETED")
    assert api.get(run).json()["name"].startswith("retention, dry run, as of")
    line.fleet.kill("serve")
    del line.fleet.members["serve"]


def served(api: httpx.Client) -> dict[str, dict[str, Any]]:
    flows = {flow["id"]: flow["name"] for flow in ask(api, "flows")}
    found = {f"{flows[one['flow_id']]}/{one['name']}": one for one in ask(api, "deployments")}
    return {name: one for name, one in found.items() if name.endswith("/scheduled")}


def test_records_of_runs_older_than_two_weeks_are_pruned(line: Line, api: httpx.Client):
    """Twenty thousand old runs with a log line each, and the ones of these tests."""
    with prefect_database(line) as database:
        kept = count(database, "flow_run")
        database.execute(
            "INSERT INTO flow_run (id, flow_id, name, state_type, state_name, start_time, end_time)"
            " SELECT gen_random_uuid(), (SELECT id FROM flow LIMIT 1), 'old ' || number,"
            " 'COMPLETED', 'Completed', now() - interval '16 days', now() - interval '15 days'"
            " FROM generate_series(1, 20000) AS number"
        )
        database.execute(
            "INSERT INTO log (id, name, level, flow_run_id, message, timestamp)"
            " SELECT gen_random_uuid(), 'test', 20, id, 'old', now() - interval '15 days'"
            " FROM flow_run WHERE name LIKE 'old %'"
        )
        began = time.monotonic()
        # It prunes when it starts, and every hour.
        line.stack.restart("prefect")
        line.stack.wait_prefect()
        # Its schedules add runs to come meanwhile.
        until(lambda: count(database, "flow_run WHERE name LIKE 'old %'") == 0)
        print(f"20000 runs pruned in {time.monotonic() - began:.1f} s")  # noqa: T201
        # A portion of log lines may outlive its runs, until Prefect's daily pass over orphans.
        until(lambda: count(database, "log WHERE message = 'old'") <= PORTION)
    assert len(ask(api, "flow_runs")) >= kept


def count(database: psycopg.Connection, table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    assert row
    return int(row[0])


def prefect_database(line: Line) -> psycopg.Connection:
    """Connect to Prefect's own database."""
    base, _, _ = line.settings.database_url.rpartition("/")
    return psycopg.connect(f"{base}/prefect", autocommit=True)
