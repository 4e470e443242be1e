"""Everything twice, late, shuffled, and by another spool: not a row more, nothing computed anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest

from bench.homes import Home
from bench.line import Line
from ingest.gateway.spool import Spool

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
COUNT, AT_ONCE = 4000, 80
WHOLE = (
    "SELECT series, stamped_at, sequence, taken_at, value, quality, landing FROM reading",
    "SELECT subject, metric, day, generation FROM dirty_window",
    "SELECT subject, rule, episode, raised_at, changed_at FROM signal",
)


def whole(line: Line) -> list[Any]:
    with psycopg.connect(line.settings.database_url) as database:
        return [sorted(database.execute(query.encode()).fetchall()) for query in WHOLE]


def payloads(line: Line, gateway: str) -> list[bytes]:
    with psycopg.connect(line.settings.database_url) as database:
        rows = database.execute("SELECT payload FROM landing WHERE gateway = %s", (gateway,))
        return [bytes(payload) for (payload,) in rows]


def test_on_a_bad_line_everything_is_there_once(line: Line, home: Home, closed: Close):
    with closing(Spool(home.spool_file)) as spool, home.online():
        for _ in range(COUNT // AT_ONCE):
            home.give(spool, AT_ONCE)
        figures = closed(line, home)
    print(figures)  # noqa: T201
    assert figures["duplicate"] > 0


def test_the_whole_stream_again_is_not_a_row_more(
    line: Line, home: Home, chance: random.Random, closed: Close, until: Callable[..., float]
):
    with closing(Spool(home.spool_file)) as spool, home.online():
        home.give(spool, COUNT)
        closed(line, home)
    before = whole(line)
    messages = payloads(line, home.name)
    chance.shuffle(messages)
    home.send(*messages)
    until(lambda: len(payloads(line, home.name)) == 2 * len(messages))
    closed(line, home)
    assert whole(line) == before


def test_a_spool_begun_anew_with_the_same_readings_is_not_a_row_more(
    line: Line, home: Home, closed: Close
):
    """A box whose memory was reset reads its devices' memories again, and numbers from 1."""
    with closing(Spool(home.spool_file)) as spool, home.online():
        home.give(spool, COUNT)
        closed(line, home)
    before = whole(line)
    home.spool_file = home.spool_file.with_name("another.db")
    with closing(Spool(home.spool_file)) as spool, home.online():
        spool.put(*(one.body for one in home.ledger.read()))
        closed(line, home)
    assert whole(line) == before
