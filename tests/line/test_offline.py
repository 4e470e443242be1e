"""A home whose line or power goes: a week offline, and kill -9 at any moment of the way back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import psycopg
import pytest

from balise.settings import Settings
from bench.line import Line
from bench.waiting import until
from devices.payloads import balise_v1
from devices.payloads.balise_v1 import Item, encode_item
from flows import steps
from ingest.gateway import devices, ranges
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

pytestmark = [pytest.mark.stack, pytest.mark.slow]

STRAP, THERMOMETER = "F0:00:00:00:0C:01", "C0:00:00:00:0C:02"
DAYS = 7
KILLS = 500
LIFE_SECONDS = (0.05, 0.2)
"""Before it has connected, and while it drains."""
RECEIPT_TIMEOUT = 2.0


def beat(at: datetime, bpm: int) -> bytes:
    return encode_item(
        Item(
            device=STRAP,
            captured_at=at,
            service="180D",
            characteristic="2A37",
            data=f"00{bpm:02x}",
        )
    )


def fever(at: datetime, number: int) -> bytes:
    """Return a thermometer's frame with its own time stamp, as its clock shows it."""
    stamp = at.year.to_bytes(2, "little") + bytes((at.month, at.day, at.hour, at.minute, at.second))
    data = b"\x02" + (3600 + number).to_bytes(3, "little") + b"\xfe" + stamp
    return encode_item(
        Item(
            device=THERMOMETER,
            captured_at=at + timedelta(seconds=2),
            service="1809",
            characteristic="2A1C",
            data=data.hex(),
            clock=balise_v1.Clock(device=at.replace(tzinfo=None).isoformat(), gateway=at),
        )
    )


def spool_of(line: Line, home: str) -> Path:
    return devices.folder(line.settings.home, home) / "spool.db"


@contextmanager
def publishing(settings: Settings, home: str, path: Path) -> Iterator[Publisher]:
    publisher = Publisher(Broker(settings), home, path, RECEIPT_TIMEOUT)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def drained(line: Line, spool: Spool) -> None:
    until(lambda: not spool.depth(), meanwhile=line.fleet.keep_running, poll=0.05)


def stored(line: Line, home: str) -> list[tuple[str, datetime, float]]:
    """Run the line, assert that its account is whole, and return the home's readings."""
    steps.run_line(line.settings.database_url)
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        account = database.execute(
            "SELECT sum(landed) = sum(accepted) + sum(duplicate), sum(accepted), sum(refused),"
            " sum(duplicate) FROM account WHERE gateway = %s",
            (home,),
        ).fetchone()
        rows = database.execute(
            "SELECT series.metric, reading.taken_at, reading.value::float8 FROM reading"
            " JOIN series ON series.id = reading.series JOIN subject ON subject.id = subject"
            " WHERE subject.code = %s ORDER BY 1, 2",
            (home,),
        ).fetchall()
    assert account is not None
    assert account[:3] == (True, len(rows), 0)
    print(f"{account[3]} came twice")  # noqa: T201
    return [(str(metric), taken_at, float(value)) for metric, taken_at, value in rows]


def held(line: Line, home: str, spool: Spool) -> ranges.Ranges:
    """Return the numbers that landed, read from the messages themselves."""
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        rows = database.execute("SELECT payload FROM landing WHERE gateway = %s", (home,))
        found = [balise_v1.numbers(payload) for (payload,) in rows]
    return ranges.of(
        seq
        for one in found
        if one is not None and one[0] == spool.epoch
        for low, high in one[1]
        for seq in range(low, high + 1)
    )


def test_seven_days_without_a_line_arrive_whole_with_their_times_right(line: Line):
    home = "home-week"
    line.enrol(home, {STRAP: "strap", THERMOMETER: "thermometer"})
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    minutes = [end - timedelta(days=DAYS) + timedelta(minutes=n) for n in range(DAYS * 24 * 60)]
    beats = [(at, 50 + number % 100) for number, at in enumerate(minutes)]
    fevers = [(at + timedelta(seconds=17), n) for n, at in enumerate(minutes[::360])]
    settings = line.of_gateway(home)

    os.kill(line.stack.pid("broker"), signal.SIGKILL)
    with (
        closing(Spool(spool_of(line, home))) as spool,
        publishing(settings, home, spool_of(line, home)),
    ):
        spool.put(*(beat(at, bpm) for at, bpm in beats))
        spool.put(*(fever(at, number) for at, number in fevers))
        time.sleep(0.5)
        assert spool.depth() == len(beats) + len(fevers)
        line.stack.restart("broker")
        drained(line, spool)
        assert held(line, home, spool) == ((1, spool.given()),)

    assert stored(line, home) == sorted(
        [("body_temperature", at, 36 + number / 100) for at, number in fevers]
        + [("heart_rate", at, float(bpm)) for at, bpm in beats]
    )


def test_a_full_spool_of_a_home_offline_is_accounted_for_on_both_sides(line: Line):
    home = "home-full"
    line.enrol(home, {"F0:00:00:00:0C:03": "strap", "C0:00:00:00:0C:04": "thermometer"})
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)
    with closing(Spool(spool_of(line, home), megabytes=1)) as spool:
        for number in range(10_000):
            at = start + timedelta(seconds=number)
            spool.put(beat(at, 60).replace(STRAP.encode(), b"F0:00:00:00:0C:03"))
            if not number % 100:
                spool.put(fever(at, 0).replace(THERMOMETER.encode(), b"C0:00:00:00:0C:04"))
        with publishing(line.of_gateway(home), home, spool_of(line, home)):
            drained(line, spool)
        given, lost = spool.given(), spool._ledger.gaps()
        landed = held(line, home, spool)
    assert ranges.count(lost) > 1000
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        rows = database.execute("SELECT payload FROM landing WHERE gateway = %s", (home,))
        items = [one for (payload,) in rows for one in balise_v1.read(payload).every()]
    declared = [one.gap for one in items if one.gap is not None]
    assert ranges.merged(*(one.ranges for one in declared)) == lost
    assert ranges.minus(((1, given),), landed) == lost
    assert sum(one.device == "C0:00:00:00:0C:04" for one in items) == 100
    steps.run_line(line.settings.database_url)
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        account = database.execute(
            "SELECT sum(landed), sum(accepted), sum(refused) FROM account WHERE gateway = %s",
            (home,),
        ).fetchone()
    stored_ = given - ranges.count(lost) - len(declared)
    assert account == (stored_ + len(declared), stored_, len(declared))


# Forked from a parent that has everything imported, so that a life costs milliseconds: it drains
# the spool and goes on putting; each line is a number that a commit has made safe.
CHILD = """
import json, os, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from balise.settings import Settings
from devices.payloads.balise_v1 import Item, encode_item
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

settings = Settings(**json.loads(sys.stdin.readline()))
home, path = sys.argv[1], Path(sys.argv[2])
start = datetime.fromisoformat(sys.argv[3])

def live():
    spool = Spool(path)
    publisher = Publisher(Broker(settings), home, path, 2)
    publisher.start()
    while True:
        given = spool.given() + 1
        at = start + timedelta(seconds=given)
        spool.put(encode_item(Item(device=sys.argv[4], captured_at=at, service="180D",
                                   characteristic="2A37", data=f"00{40 + given % 160:02x}")))
        os.write(1, b"%d\\n" % given)
        publisher.wake()
        time.sleep(0.002)

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        live()
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def test_500_kills_while_putting_and_draining_lose_nothing_and_double_nothing(line: Line):
    seed = random.randrange(1 << 30)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201
    home, device = "home-kills", "F0:00:00:00:0C:05"
    line.enrol(home, {device: "strap"})
    path = spool_of(line, home)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    promised = killed(line, random.Random(seed), (home, str(path), start.isoformat(), device))  # noqa: S311
    with closing(Spool(path)) as spool:
        given = spool.given()
        assert promised <= given <= promised + 1
        assert spool.depth() < given / 2  # the lives themselves drained it
        with publishing(line.of_gateway(home), home, path):
            drained(line, spool)
        assert held(line, home, spool) == ((1, given),)
    assert stored(line, home) == [
        ("heart_rate", start + timedelta(seconds=one), 40.0 + one % 160)
        for one in range(1, given + 1)
    ]
    print(f"{KILLS} kills, {given} items")  # noqa: T201


def killed(line: Line, chance: random.Random, arguments: tuple[str, ...]) -> int:
    """Let many lives end at random moments; return the last number that one promised to keep."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(line.of_gateway(arguments[0]).model_dump_json() + "\n")
        promised = 0
        for _ in range(KILLS):
            parent.stdin.write("live\n")
            parent.stdin.flush()
            promised = max(
                promised, one_life(parent.stdout, chance.uniform(0, chance.choice(LIFE_SECONDS)))
            )
            line.fleet.keep_running()
        parent.stdin.close()
    return promised


def one_life(heard: IO[str], seconds: float) -> int:
    last = pid = 0
    while not pid:
        word = heard.readline().split()
        last, pid = (last, int(word[1])) if word[0] == "pid" else (int(word[0]), pid)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    for said in iter(heard.readline, "dead\n"):
        last = int(said)
    return last
