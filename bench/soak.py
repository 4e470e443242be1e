"""`balise bench soak`: many homes measure for an hour; memory, and whether every account closes.

Five thousand homes, each of which sends a reading a second in a message of its own, are five times
what a thousand patients are expected to send. Broker, receiver, Prefect and all the flows are real.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from bench import machine
from bench.cost import clock, spent
from bench.producer import packets
from bench.site import Site, standing, validating
from bench.stream import Message, Stream
from bench.waiting import until

_TICK = 0.25
_PATIENCE = 60.0
"""Seconds in which something of what waits must have been done."""


def main(*, minutes: int, homes: int) -> None:
    """Print memory, processor and what waits, minute by minute, and the accounts, as JSON."""
    stream = Stream(
        homes=homes, readings=homes, per_message=1, name="soak", start=datetime.now(UTC)
    )
    with standing(prefect=True) as site:
        stream.enrol(site.line.settings.database_url)
        with validating(site, flows=True) as line:
            found = Soak(line, stream).measure(minutes)
        facts = machine.facts(site.line.settings.database_url)
    print(json.dumps({"machine": facts, "homes": homes, "minutes": minutes, **found}, indent=2))


@dataclass(slots=True)
class Soak:
    """Homes that measure once a second each, and the line that keeps up with them, or does not.

    `minute` is how many seconds one lasts.
    """

    site: Site
    stream: Stream
    minute: float = 60.0
    began: float = field(default_factory=time.perf_counter)
    sent: int = 0
    sessions: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = self.stream.sessions()

    def measure(self, minutes: int) -> dict[str, object]:
        """Return each minute's figures and the accounts; raise where a reading is missing."""
        before = clock(self.site.processes)
        each = [self._minute(number) for number in range(1, minutes + 1)]
        self._until_nothing_waits()
        self.site.check(self.sent)
        took = spent(before, clock(self.site.processes))
        return {
            "sent": self.sent,
            "accounts": asdict(self.site.accounted()),
            "cores": {name: round(one / took.seconds, 2) for name, one in took.processor.items()},
            "megabytes_at_most": [memory for memory, _ in each],
            "waiting": [waiting for _, waiting in each],
        }

    def _minute(self, number: int) -> tuple[dict[str, float], int]:
        """Return the most memory of a minute, and how many readings wait at its end."""
        self.site.forget_memory()
        for _ in _ticks(self.began + self.minute * number):
            self._send_due()
        found = self.site.memory(), self._waiting()
        print(f"minute {number}: {found}", file=sys.stderr, flush=True)
        return found

    def _waiting(self) -> int:
        return self.sent - self.site.accounted().accepted

    def _until_nothing_waits(self) -> None:
        """Wait as long as less and less does; TimeoutError where nothing moves."""
        while waiting := self._waiting():
            until(lambda: self._waiting() < waiting, _PATIENCE)

    def _send_due(self) -> None:
        """Send what the homes have measured since; they take turns."""
        homes = self.stream.homes
        due = int((time.perf_counter() - self.began) * homes)
        some = [Message(one % homes, one // homes, 1) for one in range(self.sent, due)]
        self.site.producer.push(packets(self.stream.encoded(some, self.sessions)))
        self.sent = due


def _ticks(until: float) -> Iterator[None]:
    while time.perf_counter() < until:
        yield
        time.sleep(_TICK)
