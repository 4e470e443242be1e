"""`balise bench spool`: a month without internet at a home of five devices, and the way back.

A strap streams 8 hours a day, four other devices measure a few times. Each put is one commit with
FULL sync, as in a gateway; the way back is the gateway's publisher against a real broker,
receiver and database, while the strap goes on: how long a new reading waits is measured then.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg

import sql
from balise.settings import Settings
from bench.line import running
from devices.payloads.balise_v1 import Clock, Item, encode_item
from ingest.gateway import ranges
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

_HOME = "bench-home"
_STRAP = ("F0:00:00:00:0B:01", "180D", "2A37", "1448{:08x}")
_SINGLE = (
    ("C0:00:00:00:0B:02", "1810", "2A35", "1e80005000600000ea070b190900{:08x}00", 2),
    ("C0:00:00:00:0B:03", "181D", "2A9D", "0228{:08x}0b190900", 1),
    ("C0:00:00:00:0B:04", "1809", "2A1C", "066e0100ff{:08x}02", 2),
    ("C0:00:00:00:0B:05", "1822", "2A5E", "016100{:08x}", 3),
)
_STREAMED_SECONDS = 8 * 3600
_TIMED, _A_COMMIT = 20_000, 500
_LIVE_EVERY, _POLL = 0.05, 0.01
_RECEIPT_TIMEOUT = 60.0


def main(days: int, seconds: float) -> None:
    """Print puts, sizes, the drain and the waits of new readings as one JSON object."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # a real disk
        path = Path(folder) / "spool.db"
        report = _fill(path, days)
        with running(prefect=False) as line:
            line.enrol(_HOME, dict.fromkeys(_addresses(), "bench"))
            report |= _drain(line.of_gateway(_HOME), path, seconds)
            report["stored"] = _stored(line.settings.database_url)
    print(json.dumps(report))


def month(days: int) -> Iterator[bytes]:
    """Yield a home's items of some days, up to now."""
    start = datetime.now(UTC) - timedelta(days=days)
    for day in range(days):
        morning = start + timedelta(days=day)
        for one in _SINGLE:
            *what, times = one
            for hour in range(times):
                yield _item(*what, morning + timedelta(hours=hour))
        for second in range(_STREAMED_SECONDS):
            yield _item(*_STRAP, morning + timedelta(seconds=second))


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0


def _addresses() -> list[str]:
    return [_STRAP[0], *(one[0] for one in _SINGLE)]


def _item(address: str, service: str, characteristic: str, data: str, at: datetime) -> bytes:
    return encode_item(
        Item(
            device=address,
            captured_at=at,
            session="0b5c4f0e-8a5b-4f6e-9d53-5d1f3f3e8a5b",
            service=service,
            characteristic=characteristic,
            data=data.format(int(at.timestamp()) & 0xFFFFFFFF),
            model="bench-model",
            clock=Clock(device=at.isoformat(), gateway=at) if service != "180D" else None,
        )
    )


def _fill(path: Path, days: int) -> dict[str, object]:
    """Spool a month: its first and last items one by one, each timed, the others by hundreds."""
    spool = Spool(path)
    items = month(days)
    empty = _timed(spool, islice(items, _TIMED))
    while some := list(islice(items, _A_COMMIT)):
        spool.put(*some)
    status = spool.status()
    now = datetime.now(UTC)
    full = _timed(spool, (_item(*_STRAP, now + timedelta(seconds=one)) for one in range(_TIMED)))
    spool.close()
    return {
        "days": days,
        "items": status.given,
        "megabytes": round(status.bytes / 1e6, 1),
        "bytes_an_item": round(status.bytes / status.given),
        "put_p50_ms": _ms(empty + full, 0.5),
        "put_p99_ms": _ms(empty + full, 0.99),
        "put_max_ms": _ms(empty + full, 1),
        "put_p99_ms_on_a_month": _ms(full, 0.99),
    }


def _timed(spool: Spool, items: Iterator[bytes]) -> list[float]:
    took: list[float] = []
    for item in items:
        began = time.perf_counter()
        spool.put(item)
        took.append(time.perf_counter() - began)
    return took


def _ms(seconds: list[float], share: float) -> float:
    return round(1000 * percentile(seconds, share), 3)


def _drain(settings: Settings, path: Path, seconds: float) -> dict[str, object]:
    """Let a process of its own send it, as a gateway does, for some seconds or to the end."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=gateway, args=(settings, path, seconds, there))
    child.start()
    there.close()
    try:
        report: dict[str, object] = here.recv()
    finally:
        child.join()
    return report


def gateway(settings: Settings, path: Path, seconds: float, answer: Connection) -> None:
    """Drain a spool while a strap goes on, and tell how it went."""
    spool = Spool(path)
    publisher = Publisher(Broker(settings), _HOME, path, _RECEIPT_TIMEOUT)
    before, began = spool.depth(), time.perf_counter()
    memory_before = _memory()
    publisher.start()
    waits, puts, peak = _live(spool, publisher, began + seconds)
    took, after = time.perf_counter() - began, spool.depth()
    publisher.stop()
    spool.close()
    answer.send(
        {
            "drained": before + len(puts) - after,
            "drain_seconds": round(took, 1),
            "drained_a_second": round((before + len(puts) - after) / took),
            "left": after,
            "live_p50_seconds": round(percentile(waits, 0.5), 3),
            "live_p95_seconds": round(percentile(waits, 0.95), 3),
            "live_max_seconds": round(percentile(waits, 1), 3),
            "live_readings": len(waits),
            "put_p99_ms_while_draining": _ms(puts, 0.99),
            "memory_megabytes": [round(memory_before / 1024), round(peak / 1024)],
        }
    )


def _live(spool: Spool, publisher: Publisher, until: float) -> tuple[list[float], list[float], int]:
    """Put twenty readings a second; return waits for receipts, times of puts, peak memory."""
    pending: dict[int, float] = {}
    waits: list[float] = []
    puts: list[float] = []
    peak = 0
    due = time.perf_counter()
    while (now := time.perf_counter()) < until and (missing := spool.missing()):
        done = [seq for seq in pending if not ranges.within(missing, seq, seq)]
        waits += [now - pending.pop(seq) for seq in done]
        peak = max(peak, _memory())
        if now >= due:
            due += _LIVE_EVERY
            pending[spool.given() + 1] = now
            puts += _timed(spool, iter([_item(*_STRAP, datetime.now(UTC))]))
            publisher.wake()
        time.sleep(_POLL)
    # What never came counts with all the time it has waited.
    return [*waits, *(time.perf_counter() - at for at in pending.values())], puts, peak


def _stored(database_url: str) -> int:
    """Return how many different items the server says that it holds."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        rows = connection.execute(sql.get("landing.receipts"), {"gateway": _HOME}).fetchall()
    return sum(one.upper - one.lower for _, stored in rows for one in stored)


def _memory() -> int:
    """Return this process's resident memory in kilobytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0
