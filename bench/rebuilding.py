"""The aggregate step in a process of its own: all windows of a period again, or those that wait."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from typing import TypeAlias

import psycopg

from flows import backfill
from flows.aggregate import Recomputed, recompute
from flows.steps import drain

Period: TypeAlias = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Apart:
    """The process, and how it is asked."""

    pid: int
    asked: Connection

    def rebuild(self, period: Period) -> int:
        """Recompute all windows of a period; return how many readings they have."""
        return self._ask(period)

    def work_off(self) -> int:
        """Recompute the windows that wait; return how many readings they have."""
        return self._ask(None)

    def _ask(self, period: Period | None) -> int:
        self.asked.send(period)
        readings: int = self.asked.recv()
        return readings


@contextmanager
def apart(database_url: str) -> Iterator[Apart]:
    """Start the process; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_serve, args=(database_url, there))
    child.start()
    there.close()
    if child.pid is None:
        raise RuntimeError("no process to aggregate in")
    try:
        yield Apart(child.pid, here)
    finally:
        here.close()
        child.join()


def _serve(database_url: str, asked: Connection) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            try:
                period: Period | None = asked.recv()
            except EOFError:
                return
            asked.send(_recompute(connection, period).readings)


def _recompute(connection: psycopg.Connection, period: Period | None) -> Recomputed:
    if period is None:
        return drain(lambda: recompute(connection), Recomputed())
    return backfill.run(connection, *period)
