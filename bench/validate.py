"""`balise bench validate`: landing to committed readings by the step alone, beside optimistic COPY.

The limit copies the same rows into the same table, 5,000 a commit, once from ready bytes and once
with the encoding of Python's values counted in; neither decodes, checks or accounts for anything.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import psycopg

import sql
from bench import copying, cost, machine
from bench.line import running
from bench.rounds import Round, alternate, ratios, report, timed
from bench.stream import Stream
from flows import steps
from flows.steps import drain
from ingest.receive import Delivery, land
from sql.readings import Accounting

_COMMIT = 5_000
_A_BATCH = 100
"""Messages the receiver commits at once: 5,000 readings, 50 a message."""


def main(*, readings: int, homes: int, rounds: int, per_message: int) -> None:
    """Print rates of readings, processor seconds for a million of them, and ratios as JSON."""
    stream = Stream(homes=homes, readings=readings, per_message=per_message)
    with running(prefect=False, members=()) as line:
        url = line.settings.database_url
        stream.enrol(url)
        with psycopg.connect(url, autocommit=True) as connection, apart(url) as step:
            postgres = line.stack.pid("postgres")
            found = Validating(connection, step, postgres, stream).measure(rounds)
        print(json.dumps({"machine": machine.facts(url), **found}, indent=2))


@dataclass(frozen=True, slots=True)
class Apart:
    """The step in a process of its own: `work` validates all there is and says how much."""

    pid: int
    work: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Validating:
    """A landing validated again and again."""

    connection: psycopg.Connection
    step: Apart
    postgres: int
    stream: Stream

    def measure(self, rounds: int) -> dict[str, object]:
        """Return the step beside COPY."""
        self._land()
        self._validate()
        readings = copying.table(self.connection, "reading_key")
        ready = copying.chunks(self.connection, readings, _COMMIT)
        rows = copying.values(self.connection, readings, _COMMIT)
        cost.forget_memory(self.step.pid)
        measured = alternate(
            {
                "copy": lambda: self._copy(lambda: copying.load(self.connection, readings, ready)),
                "encode and copy": lambda: self._copy(
                    lambda: copying.encode_and_load(self.connection, rows)
                ),
                "validate": self._validate,
            },
            rounds,
        )
        return {
            "readings": self.stream.count,
            "per_message": self.stream.per_message,
            "ways": report(measured),
            "ratios": ratios(measured, "validate"),
            "megabytes_at_most": round(cost.most_memory(self.step.pid), 1),
        }

    def _land(self) -> None:
        messages = list(self.stream.encoded(self.stream.messages()))
        size = max(1, _A_BATCH * 50 // self.stream.per_message)
        for at in range(0, len(messages), size):
            some = [Delivery(1, 1, topic, payload) for topic, payload in messages[at : at + size]]
            land(self.connection, some, datetime.now(UTC))

    def _validate(self) -> Round:
        self._anew()
        done = timed(self.step.work, {"validate": self.step.pid, "postgres": self.postgres})
        if done.units != self.stream.count:
            raise RuntimeError(f"{done.units} readings were accepted, {self.stream.count} landed")
        return done

    def _copy(self, copy: Callable[[], None]) -> Round:
        self._anew()

        def work() -> int:
            copy()
            return self.stream.count

        return timed(work, {"postgres": self.postgres})

    def _anew(self) -> None:
        self.connection.execute(sql.get("bench.validate_anew"))
        self.connection.execute(sql.get("bench.checkpoint"))


@contextmanager
def apart(database_url: str) -> Iterator[Apart]:
    """Run the step in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_serve, args=(database_url, there))
    child.start()
    there.close()

    def work() -> int:
        here.send(True)
        accepted: int = here.recv()
        return accepted

    if child.pid is None:
        raise RuntimeError("no process to validate in")
    try:
        yield Apart(child.pid, work)
    finally:
        here.close()
        child.join()


def _serve(database_url: str, asked: Connection) -> None:
    """Validate all that landed whenever asked, and answer how many readings were accepted."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            try:
                asked.recv()
            except EOFError:
                return
            asked.send(drain(lambda: steps.validate(connection), Accounting()).accepted)
