"""A patient erased as the run-book says is nowhere any more: on the server, in its box."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql as build

from balise.errors import Exit
from bench.line import Line, running
from bench.waiting import until_async
from devices.virtual.air import Air
from devices.virtual.weight_scale import WeightScale
from ingest.gateway import devices
from ingest.mqtt import Broker, retained

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HOME, ADDRESS, FAMILY = "home-erased", "C0:00:00:00:0E:01", "Quatrevingt-Dixneuf"
WEIGHT = Decimal("81.235")
FRAME = round(WEIGHT / Decimal("0.005")).to_bytes(2, "little").hex()
MARKS = (ADDRESS, FAMILY, str(WEIGHT), f'"00{FRAME}')
"""Her scale and name, her weight, and its bytes as a frame of the scale has them."""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=True, members=("receive", "flows serve --no-schedules")) as started:
        subject = started.enrol(HOME, {ADDRESS: FAMILY}, pathway="heart_failure")
        with psycopg.connect(started.settings.database_url, autocommit=True) as database:
            database.execute(
                "UPDATE identity SET family = %s WHERE subject = %s", (FAMILY, subject)
            )
        yield started


async def test_nothing_is_left_on_the_server_and_at_home(line: Line):
    scale = WeightScale(address=ADDRESS, name="Scale", linger=3600)
    async with Air() as air:
        await air.add(scale)
        line.add_gateway(HOME, air.radio)
        balise("gateway", "set", HOME, f"gateway_message=Bonjour {FAMILY}", exits=None)
        scale.measure(weight=WEIGHT)
        await until_async(lambda: is_summarised(line), meanwhile=line.keep_running, poll=0.2)
        before = await asyncio.to_thread(everywhere, line)
    assert {where for where, found in before.items() if found} == {"balise", "broker", "home"}
    assert set().union(*before.values()) == {*MARKS}
    balise("gateway", "set", HOME, "--unset", "gateway_message", exits=None)
    balise("gateway", "revoke", HOME)
    balise("db", "erase", HOME, "--now")
    line.fleet.kill(HOME)
    del line.fleet.members[HOME]
    for place in at_home(line):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert not any(everywhere(line).values())


def balise(*words: str, exits: int | None = Exit.OK) -> None:
    """Run a command of the run-book; of a box that is away one ends otherwise."""
    command = [sys.executable, "-m", "balise", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert exits is None or done.returncode == exits, done.stderr


def is_summarised(line: Line) -> bool:
    with psycopg.connect(line.settings.database_url) as database:
        return bool(database.execute("SELECT FROM summary").rowcount)


def everywhere(line: Line) -> dict[str, set[str]]:
    """Return which marks stand in each database, at the broker, in the logs and at home."""
    base, _, _ = line.settings.database_url.rpartition("/")
    said = [topic.encode() + payload for topic, payload in kept(line).items()]
    return {
        **{name: among(rows(f"{base}/{name}")) for name in ("balise", "prefect")},
        "broker": among(said),
        "logs": among(contents({*line.fleet.logs.iterdir()} - at_home(line))),
        "home": among(contents(at_home(line))),
    }


def among(found: Sequence[bytes]) -> set[str]:
    forms = {mark: (mark.encode(), mark.encode().hex().encode()) for mark in MARKS}
    return {
        mark
        for mark, written in forms.items()
        if any(one in text for text in found for one in written)
    }


def rows(url: str) -> list[bytes]:
    """Return every row of every table, of hypertables and of what lies beside them too."""
    with psycopg.connect(url) as database:
        tables = database.execute(
            "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        query = build.SQL("SELECT one::text FROM {} AS one")
        return [
            row[0].encode()
            for table in tables
            for row in database.execute(query.format(build.Identifier(*table)))
        ]


def kept(line: Line) -> dict[str, bytes]:
    return retained(Broker(line.settings), ("#",), 10.0)


def contents(places: Iterable[Path]) -> list[bytes]:
    files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    return [file.read_bytes() for file in files]


def at_home(line: Line) -> set[Path]:
    """Return what the box keeps: its folder, and its journal, which says when a device came."""
    return {devices.folder(line.settings.home, HOME), line.fleet.logs / f"{HOME}.log"}
