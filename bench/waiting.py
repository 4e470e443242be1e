"""Waiting for what must come, in benches and tests alike.

A wait is no measure: its end only says that a thing won't come any more, on the slowest machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg

PATIENCE_SECONDS = 180.0
_POLL_SECONDS = 0.02


def until(
    condition: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    poll: float = _POLL_SECONDS,
) -> float:
    """Wait until something is so; return the seconds it took, TimeoutError where it won't be."""
    began = time.monotonic()
    while not condition():
        _still(began, seconds)
        meanwhile()
        time.sleep(poll)
    return time.monotonic() - began


async def until_async(
    condition: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    poll: float = _POLL_SECONDS,
) -> float:
    """Wait as `until` does, beside the other tasks of a loop; `meanwhile` runs in a thread."""
    began = time.monotonic()
    while not condition():
        _still(began, seconds)
        await asyncio.to_thread(meanwhile)
        await asyncio.sleep(poll)
    return time.monotonic() - began


def blocks(database: psycopg.Connection, holder: psycopg.Connection) -> bool:
    """Say whether somebody waits for what a connection holds."""
    query = b"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid)))"
    return database.execute(query, (holder.info.backend_pid,)).fetchone() == (True,)


def _still(began: float, seconds: float) -> None:
    if time.monotonic() - began > seconds:
        raise TimeoutError(f"not so after {seconds:.0f} s")
