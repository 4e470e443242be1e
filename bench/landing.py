"""How long a message takes to the landing: from its sending until the commit is heard of."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

import sql
from bench.line import Line
from bench.producer import Producer, packets
from bench.stream import Stream

_EVERY = 0.01
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Landing:
    """Messages sent a hundred a second, and watched for."""

    line: Line
    stream: Stream

    def measure(self) -> list[float]:
        """Return the seconds of each message; the first, which is the warm-up, is left out."""
        url = self.line.settings.database_url
        self.stream.enrol(url)
        messages = list(self.stream.encoded(self.stream.messages()))
        with (
            psycopg.connect(url, autocommit=True) as connection,
            Producer(self.line.settings) as producer,
            ThreadPoolExecutor(1) as pool,
        ):
            connection.execute(sql.get("flows.listen"))
            sent: dict[bytes, float] = {}
            sending = pool.submit(_send, producer, messages, sent)
            landed = _landed(connection, len(messages))
            sending.result()
        waits = [landed[payload] - at for payload, at in sent.items()]
        return waits[1:]


def _send(producer: Producer, messages: list[tuple[str, bytes]], sent: dict[bytes, float]) -> None:
    ready = packets(messages)
    due = time.perf_counter()
    for packet, (_, payload) in zip(ready, messages, strict=True):
        due += _EVERY
        time.sleep(max(0.0, due - time.perf_counter()))
        sent[payload] = time.perf_counter()
        producer.push([packet])


def _landed(connection: psycopg.Connection, count: int) -> dict[bytes, float]:
    """Return when each payload was there, as the receiver's notification tells."""
    found: dict[bytes, float] = {}
    newest = 0
    while len(found) < count:
        heard = list(connection.notifies(timeout=_PATIENCE, stop_after=1))
        if not heard:
            raise TimeoutError(f"{len(found)} of {count} messages have landed")
        now = time.perf_counter()
        rows = connection.execute(sql.get("bench.landed_since"), {"newest": newest}).fetchall()
        for number, payload in rows:
            newest = max(newest, number)
            found.setdefault(bytes(payload), now)
    return found
