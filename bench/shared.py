"""The backfill flow on a local Dask cluster, as a process of its own under Prefect."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime

import httpx

from bench.rebuilding import Period
from flows.housekeeping import backfill

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Shared:
    """What a shared backfill did, and what it took from its first part to the end of its last."""

    readings: int
    sharing_seconds: float
    processor_seconds: float


def run(period: Period, prefect_api_url: str) -> Shared:
    """Run the flow to its end; `processor_seconds` are those of its processes, start included."""
    before = _of_children()
    command = [sys.executable, "-m", "bench.shared", *map(str, period)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    readings = int(answer.stdout.split()[-1])
    return Shared(readings, _sharing(prefect_api_url), _of_children() - before)


def _of_children() -> float:
    """Return the processor seconds of children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sharing(prefect_api_url: str) -> float:
    asked = {
        "task_runs": {"name": {"like_": "share"}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": WORKERS,
    }
    answer = httpx.post(f"{prefect_api_url}/task_runs/filter", json=asked, timeout=60)
    parts = answer.raise_for_status().json()
    begun = min(datetime.fromisoformat(part["start_time"]) for part in parts)
    ended = max(datetime.fromisoformat(part["end_time"]) for part in parts)
    return (ended - begun).total_seconds()


def main(since: str, until: str) -> None:
    """Share the backfill of a period, and print how many readings it had."""
    state = asyncio.run(
        backfill(date.fromisoformat(since), date.fromisoformat(until), WORKERS, return_state=True)
    )
    print((state.message or "").partition("readings ")[2].partition(",")[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
