"""A backlog from every home at once, while other homes go on measuring: how long, and who waits.

The gateways' protocol is kept: of each no more messages are on their way than it has receipts for,
and a backlog says that it is one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

import sql
from bench.cost import clock, spent
from bench.producer import Producer, packets
from bench.rounds import Round, report, share
from bench.site import Site
from bench.stream import Message, Stream
from bench.waiting import until
from ingest.gateway.flight import BACKLOG_MESSAGES, ITEMS_A_MESSAGE

_DAY = 24 * 3600 * 1000
"""Readings of a day at a thousand a second."""
_AT_ONCE = 100
_PATIENCE = 3600.0


def backlog(homes: int, readings: int) -> Stream:
    """Return what the homes have kept, in messages as large as a gateway's."""
    return Stream(homes=homes, readings=readings, per_message=ITEMS_A_MESSAGE, backlog=True)


def live(homes: int) -> Stream:
    """Return homes that measure now, each once a second."""
    return Stream(homes=homes, readings=homes, per_message=1, name="live", start=datetime.now(UTC))


@dataclass(slots=True)
class Live:
    """Readings sent as they are measured, and how long each waited to be stored."""

    stream: Stream
    producer: Producer
    began: float = field(default_factory=time.perf_counter)
    sent: int = 0
    pending: list[tuple[str, datetime, float]] = field(default_factory=list[Any])
    waits: list[float] = field(default_factory=list[float])

    def send_due(self) -> None:
        """Send what the homes have measured since; they take turns."""
        homes = self.stream.homes
        while time.perf_counter() >= self.began + self.sent / homes:
            number, home = divmod(self.sent, homes)
            self.producer.push(packets(self.stream.encoded([Message(home, number, 1)])))
            address, moment = self.stream.address(home), self.stream.moment(number)
            self.pending.append((address, moment, time.perf_counter()))
            self.sent += 1

    def see(self, newest: dict[str, datetime]) -> None:
        """Take down the waits of those that are stored: up to the newest of each device."""
        now, pending = time.perf_counter(), self.pending
        self.pending = [one for one in pending if one[0] not in newest or one[1] > newest[one[0]]]
        left = set(self.pending)
        self.waits += [now - one[2] for one in pending if one not in left]


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """A backlog and those who go on beside it."""

    site: Site
    backlog: Stream
    live: Stream

    def measure(self) -> dict[str, object]:
        """Return rate, waits of live readings and peaks of memory; what is extrapolated says so."""
        ready = packets(self.backlog.encoded(self.backlog.messages()))
        self.site.empty()
        self.site.forget_memory()
        before = clock(self.site.processes)
        with Producer(self.site.line.settings) as producer, ThreadPoolExecutor(1) as pool:
            going_on = Live(self.live, producer)
            self._until_done(going_on, pool.submit(self._push, ready))
        done = Round(self.backlog.count, spent(before, clock(self.site.processes)))
        return {
            "readings": self.backlog.count,
            "seconds": round(done.spent.seconds, 1),
            "way": report({"backlog": [done]}),
            "extrapolated_minutes_of_86_400_000": round(_DAY / done.rate / 60, 1),
            "live": _waits(going_on),
            "megabytes_at_most": self.site.memory(),
        }

    def _push(self, ready: Sequence[bytes]) -> None:
        """Push the backlog, never more than the gateways would without a receipt."""
        most = BACKLOG_MESSAGES * self.backlog.homes
        url = self.site.line.settings.database_url
        with psycopg.connect(url, autocommit=True) as connection:
            looking = replace(self.site, connection=connection)
            for at in range(0, len(ready), _AT_ONCE):
                until(lambda sent=at: sent - looking.landed() < most, _PATIENCE)
                self.site.producer.push(ready[at : at + _AT_ONCE])

    def _until_done(self, going_on: Live, pushing: Future[None]) -> None:
        def done() -> bool:
            going_on.send_due()
            going_on.see(self._newest())
            came = going_on.sent - len(going_on.pending)
            return self.site.accounted().accepted >= self.backlog.count + came

        until(done, _PATIENCE)
        pushing.result()

    def _newest(self) -> dict[str, datetime]:
        addresses = [self.live.address(home) for home in range(self.live.homes)]
        keys = {"addresses": addresses}
        return dict(self.site.connection.execute(sql.get("bench.newest"), keys).fetchall())


def _waits(live: Live) -> dict[str, float]:
    # What never came counts with all the time it has waited.
    now = time.perf_counter()
    waits = [*live.waits, *(now - sent for _, _, sent in live.pending)]
    shares = {"p50_seconds": 0.5, "p95_seconds": 0.95, "max_seconds": 1.0}
    return {"readings": len(waits)} | {
        name: round(share(waits, part), 3) for name, part in shares.items()
    }
