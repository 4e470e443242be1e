"""The receiver alone: broker to committed landing, beside COPY of the same bytes and a bare client.

A unit is a message. The limit copies the receiver's own batches, each in a transaction of the same
shape: its row in the work list, then its messages.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from bench import copying
from bench.copying import Table
from bench.producer import packets
from bench.rounds import Round, alternate, median, ratios, report, timed
from bench.site import Site
from bench.stream import Stream

_FOR_THE_BARE = "balise/v0"


@dataclass(frozen=True, slots=True)
class Receiving:
    """What one stream costs to receive."""

    site: Site
    stream: Stream

    def measure(self, rounds: int) -> dict[str, object]:
        """Return rates of messages, processor seconds for a million of them, and ratios."""
        messages = list(self.stream.encoded(self.stream.messages()))
        bare = [(_for_the_bare(topic), payload) for topic, payload in messages]
        ours, others = packets(messages), packets(bare)
        self._receive(ours)
        landing = copying.table(self.site.connection, "landing_by_id")
        batches = copying.batches(self.site.connection, landing)
        measured = alternate(
            {
                "copy": lambda: self._copy(landing, batches),
                "receiver": lambda: self._receive(ours),
                "bare": lambda: self._bare(others),
            },
            rounds,
        )
        return {
            "messages": len(ours),
            "bytes_a_message": round(sum(len(one) for _, one in messages) / len(messages)),
            "messages_a_commit": median([count for count, _ in batches]),
            "ways": report(measured),
            "ratios": ratios(measured, "receiver"),
        }

    def _receive(self, ready: list[bytes]) -> Round:
        self.site.empty()
        count = len(ready)
        return self.site.send(ready, count, lambda: self.site.landed() >= count)

    def _copy(self, landing: Table, batches: list[tuple[int, bytes]]) -> Round:
        self.site.empty()

        def work() -> int:
            copying.load_batches(self.site.connection, landing, batches)
            return sum(count for count, _ in batches)

        return timed(work, {"postgres": self.site.processes["postgres"]})

    def _bare(self, ready: list[bytes]) -> Round:
        with _bare_client(len(ready)) as (pid, said):

            def work() -> int:
                self.site.producer.push(ready)
                said.readline()
                return len(ready)

            return timed(work, {"bare": pid, "broker": self.site.processes["broker"]})


def _for_the_bare(topic: str) -> str:
    """Return a topic as long as ours to which no receiver listens."""
    return _FOR_THE_BARE + topic.removeprefix("balise/v1")


@contextmanager
def _bare_client(count: int) -> Iterator[tuple[int, IO[str]]]:
    command = [sys.executable, "-m", "bench.bare", f"{_FOR_THE_BARE}/+/frames", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the bare client did not start")
            yield process.pid, process.stdout
        finally:
            process.kill()
