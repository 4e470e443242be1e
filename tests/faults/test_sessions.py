"""The broker starts again, with its sessions and without: what is owed comes, and nothing is lost.

Nothing here is sent twice by a gateway, unless a test says so: what a receiver acknowledges wrongly
is lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from bench.homes import Home
from bench.line import Line, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
MESSAGES, BEATS = 7, 20


@pytest.fixture
def line() -> Iterator[Line]:
    """A line whose receiver each test starts itself."""
    with running(prefect=False, members=()) as started:
        yield started


def session_lost(line: Line) -> None:
    """Kill the broker, and what it kept with it, and start it again."""
    os.kill(line.stack.pid("broker"), signal.SIGKILL)
    while line.stack.pid("broker"):
        time.sleep(0.01)
    (line.settings.home / "broker" / "mosquitto.db").unlink(missing_ok=True)
    line.stack.restart("broker")


def landed(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute("SELECT count(*) FROM landing").fetchone()
    return int(row[0]) if row else 0


def said(line: Line, event: str) -> bool:
    return event in (line.fleet.logs / "receive.log").read_text(encoding="utf-8")


def started(line: Line) -> None:
    line.fleet.add("receive", "receive")
    line.wait_for_receiver()


def test_what_the_broker_kept_for_a_receiver_that_was_away_comes_after_its_restart(
    line: Line, home: Home, until: Until, closed: Close
):
    started(line)
    line.fleet.kill("receive")
    home.send(*(home.message(BEATS) for _ in range(MESSAGES)))
    line.stack.restart("broker")
    line.keep_running()
    until(lambda: landed(line) == MESSAGES, keep=line)
    assert closed(line, home)["duplicate"] == 0
    assert not said(line, "session_lost")


def test_with_its_session_lost_the_receiver_subscribes_again_and_says_so(
    line: Line, home: Home, closed: Close
):
    """Until it has, the broker acknowledges what it keeps for nobody: no receipt, no promise."""
    started(line)
    receiver = line.fleet.members["receive"].process
    assert receiver
    messages = [home.message(BEATS) for _ in range(MESSAGES)]
    receiver.send_signal(signal.SIGSTOP)
    session_lost(line)
    home.send(*messages)
    receiver.send_signal(signal.SIGCONT)
    line.wait_for_receiver()
    assert landed(line) == 0
    home.send(*messages)
    assert closed(line, home)["messages"] == MESSAGES
    assert said(line, "session_lost")


TELLING = """
import os
from balise.run import log
from balise.settings import Settings
from ingest.mqtt import Broker
from ingest.receive import Receiver

class Telling(Receiver):
    def _hear(self, messages):
        super()._hear(messages)
        for message in messages:
            os.write(1, b"%d\\n" % message.mid)

log()
settings = Settings()
Telling(Broker(settings), settings.database_url, name="1").run()
"""


@contextmanager
def telling() -> Iterator[subprocess.Popen[str]]:
    """Run a receiver that tells the number of each packet that it has got."""
    with subprocess.Popen(
        [sys.executable, "-c", TELLING], stdout=subprocess.PIPE, text=True
    ) as receiver:
        try:
            yield receiver
        finally:
            receiver.kill()


def numbers(receiver: subprocess.Popen[str]) -> list[int]:
    assert receiver.stdout
    return [int(receiver.stdout.readline()) for _ in range(MESSAGES)]


@contextmanager
def locked(line: Line) -> Iterator[None]:
    """Hold whoever writes to `landing`, once those who wait already have had it."""
    with psycopg.connect(line.settings.database_url) as database:
        database.execute("LOCK TABLE landing IN EXCLUSIVE MODE")
        yield


WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'landing'::regclass AND NOT granted"


def waiting(line: Line) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute(WAITING.encode()).fetchone()
    return int(row[0]) if row else 0


def test_a_packet_number_of_a_lost_session_acknowledges_nothing_of_the_next_one(
    line: Line, home: Home, until: Until, closed: Close
):
    """An old batch commits while new messages of the same numbers are in hand; then kill -9."""
    first, second = ([home.message(BEATS) for _ in range(MESSAGES)] for _ in range(2))
    with telling() as receiver, ExitStack() as later:
        line.wait_for_receiver()
        with ThreadPoolExecutor() as threads, locked(line):
            home.send(*first)
            old = numbers(receiver)
            until(lambda: waiting(line) == 1)
            session_lost(line)
            line.wait_for_receiver()
            home.send(*second)
            assert numbers(receiver) == old
            after = threads.submit(later.enter_context, locked(line))
            until(lambda: waiting(line) == 2)
        after.result()
        until(lambda: landed(line) >= 1 and waiting(line) == 1)
        receiver.kill()
    started(line)
    # The gateway has no receipt of what went with the session. Of the second half, nothing is sent.
    home.send(*first)
    until(lambda: landed(line) >= 2 * MESSAGES)
    closed(line, home)
