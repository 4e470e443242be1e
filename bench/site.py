"""A line to measure: servers and processes, what they cost, a clean table for each round."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

import sql
from bench import cost
from bench.line import Line, running
from bench.producer import Producer
from bench.rounds import Round, timed
from bench.waiting import until
from sql import readings as store
from sql.readings import Accounting


@dataclass(frozen=True, slots=True)
class Site:
    """Servers and processes that stand while rounds are measured; `processes` are what counts."""

    line: Line
    connection: psycopg.Connection
    producer: Producer
    processes: Mapping[str, int]

    def empty(self) -> None:
        """Empty every table that fills while the line works, and have it all on the disk."""
        self.connection.execute(sql.get("bench.empty"))
        self.connection.execute(sql.get("bench.checkpoint"))

    def send(self, packets: Sequence[bytes], units: int, done: Callable[[], bool]) -> Round:
        """Publish at full speed and wait until it is done; the clock runs from the first packet."""

        def work() -> int:
            with ThreadPoolExecutor(1) as pool:
                pushed = pool.submit(self.producer.push, packets)
                until(done)
                pushed.result()
            return units

        return timed(work, self.processes)

    def landed(self) -> int:
        """Return how many messages are in committed batches of the landing."""
        row = self.connection.execute(sql.get("bench.landed")).fetchone()
        return int(row[0]) if row else 0

    def accounted(self) -> Accounting:
        """Return what became of everything in closed accounts."""
        return store.account(self.connection)

    def stored(self) -> int:
        """Return how many readings there are."""
        row = self.connection.execute(sql.get("bench.stored")).fetchone()
        return int(row[0]) if row else 0

    def check(self, count: int) -> None:
        """Raise unless so many readings are stored: a figure of a line that loses is worth none."""
        if (found := self.stored()) != count:
            raise RuntimeError(f"{found} readings are stored, {count} were sent")

    def forget_memory(self) -> None:
        """Begin the peaks of memory anew."""
        for name in _OURS & self.processes.keys():
            cost.forget_memory(self.processes[name])

    def memory(self) -> dict[str, float]:
        """Return the most megabytes that each process of ours has had."""
        return {
            name: round(cost.most_memory(self.processes[name]), 1)
            for name in sorted(_OURS & self.processes.keys())
        }


_OURS = {"receiver", "validate", "flows"}


@contextmanager
def standing(*, prefect: bool = False) -> Iterator[Site]:
    """Run servers and a receiver; nothing validates yet."""
    with running(prefect=prefect) as line:
        connection = psycopg.connect(line.settings.database_url, autocommit=True)
        with connection, Producer(line.settings) as producer:
            processes = {
                "receiver": member(line, "receive"),
                "postgres": line.stack.pid("postgres"),
                "broker": line.stack.pid("broker"),
            }
            yield Site(line, connection, producer, processes)


@contextmanager
def validating(site: Site, *, flows: bool) -> Iterator[Site]:
    """Let validate run too: alone in a process, or with all the flows, in Prefect."""
    if flows:
        line = site.line
        line.fleet.add("flows", "flows", "serve", "--no-schedules")
        more = {"flows": member(line, "flows"), "prefect": line.stack.pid("prefect")}
        yield replace(site, processes={**site.processes, **more})
        return
    process = subprocess.Popen([sys.executable, "-m", "bench.worker"])
    try:
        yield replace(site, processes={**site.processes, "validate": process.pid})
    finally:
        process.kill()
        process.wait()


def member(line: Line, name: str) -> int:
    """Return the process id of one of the line's own processes."""
    process = line.fleet.members[name].process
    if process is None:
        raise RuntimeError(f"{name} does not run")
    return process.pid
