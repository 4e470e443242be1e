"""A backfill shared by processes: each takes windows that no other has, so that none need know.

Dask starts them and Prefect shows them; who does what is settled by the database's locks, so that
one that dies, or is started twice, changes nothing.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from prefect.task_runners import TaskRunner

from balise.errors import UsageError
from flows import backfill as portions
from flows.aggregate import Recomputed
from flows.backfill import Backfill
from flows.running import with_database


async def over(backfill: Backfill, workers: int) -> Recomputed:
    """Share a backfill among so many processes of this machine; return what all of them did."""
    return await asyncio.to_thread(_over, backfill, workers)


def _over(backfill: Backfill, workers: int) -> Recomputed:
    share = partial(portions.share, backfill=backfill)
    with _cluster(workers) as runner:
        parts = [
            runner.submit(with_database, {"what": f"share {number}", "work": share})
            for number in range(1, workers + 1)
        ]
        return sum((part.result() for part in parts), Recomputed())


def _cluster(workers: int) -> TaskRunner[Any]:
    try:
        from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an extra: few need it
    except ImportError as error:
        raise UsageError(
            f"{workers} processes need Dask, which is not installed:"
            " uv pip install --require-hashes -r requirements/dask.txt"
        ) from error
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": workers,
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
        }
    )
