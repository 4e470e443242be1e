"""The flows on a work pool, as somebody who knows Prefect runs them, and what goes wrong there.

Runs are started twice and killed in their midst on purpose: what must hold is the database's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from bench.line import Line, running
from bench.waiting import until
from devices.payloads import balise_v1
from flows import automations, steps
from ingest.receive import Delivery, land

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")
SCALE = "C0:00:00:00:0D:01"
BATCHES, ITEMS = 120, 5
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
GONE = timedelta(seconds=20)


class Pool:
    """A line whose flows run on a work pool."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.worker: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client(base_url=line.stack.endpoints.prefect_api_url, timeout=30)
        self.numbers = iter(range(1, 1_000_000))

    def start_worker(self) -> None:
        """Start a worker in a folder without Balise's files, as on another machine."""
        with (self.line.fleet.logs / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [*PREFECT, "worker", "start", "--pool", "balise", "--type", "process"],
                env={**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1"},
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop_worker(self) -> None:
        assert self.worker
        self.worker.terminate()
        self.worker.wait(timeout=60)

    def deployments(self) -> dict[str, dict[str, Any]]:
        """Return what the server knows, by flow."""
        found = self.api.post("/deployments/filter", json={}).raise_for_status().json()
        return {one["entrypoint"].rpartition(".")[2]: one for one in found}

    def start(self, flow: str, **parameters: Any) -> str:
        """Ask for a run of a deployment, as a click on "quick run" does; return its id."""
        deployment = self.deployments()[flow]["id"]
        asked = self.api.post(
            f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
        )
        return str(asked.raise_for_status().json()["id"])

    def run(self, run: str) -> dict[str, Any]:
        return self.api.get(f"/flow_runs/{run}").raise_for_status().json()

    def ended(self, run: str) -> dict[str, Any]:
        """Wait for the end of a run and return it."""
        until(lambda: self.run(run)["state_type"] in ENDED)
        return self.run(run)

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.line.settings.database_url, autocommit=True)

    def land(self, batches: int = BATCHES, messages: int = 1) -> None:
        """Land batches of weights, no two alike."""
        with self.database() as database:
            for _ in range(batches):
                land(database, [self._message() for _ in range(messages)], datetime.now(UTC))

    def _message(self) -> Delivery:
        items = [
            (number, balise_v1.encode_item(self._weight(next(self.numbers))))
            for number in range(1, ITEMS + 1)
        ]
        body = balise_v1.encode_message(uuid4(), items)
        return Delivery(1, 1, "balise/v1/home-pool/frames", body)

    @staticmethod
    def _weight(number: int) -> balise_v1.Item:
        return balise_v1.Item(
            device=SCALE,
            captured_at=datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=number),
            service="181D",
            characteristic="2A9D",
            data="00" + (14_000 + number % 2_000).to_bytes(2, "little").hex(),
        )

    @contextmanager
    def locked(self, table: str = "packed_reading") -> Iterator[None]:
        """Let runs get as far as to this insert, with what they took in hand, and no further."""
        with psycopg.connect(self.line.settings.database_url) as database, database.transaction():
            database.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            yield

    def waiting_for(self, table: str = "packed_reading") -> int:
        """Return how many runs stand before it."""
        with self.database() as database:
            row = database.execute(
                "SELECT count(DISTINCT pid) FROM pg_locks"
                " WHERE relation = %s::regclass AND NOT granted",
                (table,),
            ).fetchone()
        assert row
        return int(row[0])

    def kill(self, run: str) -> None:
        """Kill a run and its worker at once, so that nobody is left to tell of it."""
        assert self.worker
        of_run = self.run(run)["infrastructure_pid"].rpartition(":")[2]
        for pid in (self.worker.pid, int(of_run)):
            os.kill(pid, signal.SIGKILL)
        self.worker.wait()

    def account(self) -> tuple[int, ...]:
        """Return what waits, landed, was accepted, duplicate, refused, and the readings there."""
        with self.database() as database:
            row = database.execute(
                "SELECT (SELECT count(*) FROM landing_batch WHERE validated_at IS NULL),"
                " sum(landed), sum(accepted), sum(duplicate), sum(refused),"
                " (SELECT count(*) FROM reading) FROM account"
            ).fetchone()
        assert row
        return tuple(int(one) for one in row)


def prefect(*words: str) -> str:
    done = subprocess.run([*PREFECT, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """What prefect.yaml says to type, typed."""
    with running(prefect=True, members=()) as line:
        line.enrol("home-pool", {SCALE: "Scale"}, pathway="heart_failure")
        prefect("work-pool", "create", "balise", "--type", "process")
        prefect("deploy", "--all")
        made = Pool(line)
        wanted = automations.gone(GONE).model_dump(mode="json", exclude={"id"})
        made.api.post("/automations/", json=wanted).raise_for_status()
        # Only what a test starts shall run.
        for one in made.deployments().values():
            made.api.post(f"/deployments/{one['id']}/pause_deployment").raise_for_status()
        made.start_worker()
        yield made
        made.stop_worker()
        made.api.close()


def test_every_deployment_is_there_with_its_pool_and_its_limit(pool: Pool):
    found = pool.deployments()
    beside = ("deliver", "retention", "backfill")
    assert {*found} == {*("validate", "aggregate", "assess", "summarise"), *beside}
    for one in found.values():
        assert one["work_pool_name"] == "balise"
        assert one["tags"] == ["balise"]
        assert one["global_concurrency_limit"]["limit"] in {1, 2}
    assert found["retention"]["schedules"][0]["schedule"]["timezone"] == "Europe/Paris"
    assert found["assess"]["parameters"] == {"everyone": True}


def test_the_servers_form_knows_the_type_of_every_parameter(pool: Pool):
    found = pool.deployments()
    fields = found["backfill"]["parameter_openapi_schema"]
    assert fields["required"] == ["since", "until"]
    kinds = {name: one.get("format", one["type"]) for name, one in fields["properties"].items()}
    assert kinds == {"since": "date", "until": "date", "workers": "integer"}
    assert fields["properties"]["since"]["description"].startswith("The first day")
    dry_run = found["retention"]["parameter_openapi_schema"]["properties"]["dry_run"]
    assert (dry_run["type"], dry_run["default"]) == ("boolean", False)
    assert dry_run["description"] == "Say what would be dropped, and drop nothing."


@pytest.mark.parametrize(
    ("flow", "parameters"),
    [
        ("backfill", {"since": 20, "until": "2026-01-01"}),
        ("backfill", {"since": "2026-01-01"}),
        ("retention", {"dry_run": "perhaps"}),
    ],
)
def test_the_server_refuses_what_the_form_would(pool: Pool, flow: str, parameters: dict[str, Any]):
    deployment = pool.deployments()[flow]["id"]
    asked = pool.api.post(
        f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
    )
    assert 400 <= asked.status_code < 500


def test_a_worker_runs_a_deployment(pool: Pool):
    done = pool.ended(pool.start("retention", dry_run=True))
    assert (done["state_type"], done["state"]["message"]) == ("COMPLETED", "nothing to do")
    assert done["name"].startswith("retention, dry run, as of 20")


def test_started_twice_at_once_both_runs_share_the_work(pool: Pool):
    pool.land(1)  # makes the series, for which a second run would wait before its insert
    assert pool.ended(pool.start("validate"))["state_type"] == "COMPLETED"
    each = 3 * steps.MESSAGES_AT_ONCE // BATCHES  # more than the two take at once
    pool.land(messages=each)
    with pool.locked():
        pair = [pool.start("validate") for _ in range(2)]
        until(lambda: pool.waiting_for() == 2)
        states = [pool.run(run)["state_type"] for run in pair]
        assert states == ["RUNNING", "RUNNING"]
    done = [pool.ended(run) for run in pair]
    assert [one["state_type"] for one in done] == ["COMPLETED", "COMPLETED"]
    assert all("landed" in one["state"]["message"] for one in done)
    total = (1 + BATCHES * each) * ITEMS
    assert pool.account() == (0, total, total, 0, 0, total)


def test_a_run_that_finds_all_in_another_runs_hands_says_so(pool: Pool):
    before = pool.account()
    pool.land(3)
    with psycopg.connect(pool.line.settings.database_url) as other, other.transaction():
        other.execute("SELECT FROM landing_batch WHERE validated_at IS NULL FOR UPDATE")
        done = pool.ended(pool.start("validate"))
    assert done["state_type"] == "COMPLETED"
    assert done["state"]["message"] == "another run has 3 batches; nothing to do"
    assert pool.account()[1:] == before[1:]
    assert pool.ended(pool.start("validate"))["state"]["message"].startswith("messages 3, landed")


def test_worker_and_run_killed_in_mid_run_and_the_next_run_does_it_all(pool: Pool):
    before = pool.account()
    pool.land()
    with pool.locked():
        killed = pool.start("validate")
        until(lambda: pool.waiting_for() == 1)
        pool.kill(killed)
    # Nobody is left to say so: to Prefect it runs.
    assert pool.run(killed)["state_type"] == "RUNNING"
    assert pool.account() == (BATCHES, *before[1:])

    pool.start_worker()
    done = pool.ended(pool.start("validate"))
    total = before[1] + BATCHES * ITEMS
    assert done["state_type"] == "COMPLETED"
    assert pool.account() == (0, total, total, 0, 0, total)

    # The automation closes the one that was killed, for whoever looks.
    assert pool.ended(killed)["state_type"] == "CRASHED"
    assert pool.account() == (0, total, total, 0, 0, total)


def test_the_slot_of_a_killed_run_comes_back(pool: Pool):
    """One backfill at once: the next one waits for the lease of the one that was killed."""
    period = {"since": "2026-09-01", "until": "2026-09-30"}
    with pool.locked("backfill"):
        killed = pool.start("backfill", **period)
        until(lambda: pool.waiting_for("backfill") == 1)
        pool.kill(killed)
    began = time.monotonic()
    pool.start_worker()
    done = pool.ended(pool.start("backfill", **period))
    print(f"the next backfill ended after {time.monotonic() - began:.0f} s")  # noqa: T201
    assert done["state_type"] == "COMPLETED"
    assert done["name"].startswith("backfill days 2026-09-01 to 2026-09-30")
    assert done["state"]["message"].startswith("windows")


def test_neither_names_nor_artifacts_say_whose(pool: Pool):
    kept = repr(
        [
            pool.api.post(f"/{what}/filter", json={}).json()
            for what in ("flow_runs", "artifacts", "logs")
        ]
    )
    assert "accepted" in kept
    assert "home-pool" not in kept
    assert SCALE not in kept
