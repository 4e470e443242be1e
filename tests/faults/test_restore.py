"""The drill: the database is gone, a backup comes back, and the boxes send again what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from balise import backups
from balise.sealed_archive import new_key
from bench.homes import Home
from bench.line import Line
from ingest.gateway.spool import Spool
from sql import people

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NewHome = Callable[[str], Home]
Close = Callable[..., dict[str, int]]
BEFORE, AFTER = 6_000, 4_000
"""Readings of each home that the backup has, and that came after it."""


def test_destroyed_and_restored_nothing_is_lost(
    line: Line, new_home: NewHome, closed: Close, tmp_path: Path
):
    url, (key, recipient) = line.settings.database_url, new_key()
    homes = [new_home(f"restored {number}") for number in range(3)]
    give(homes, BEFORE)
    with homes[0].online(), homes[1].online(), homes[2].online():
        then = closed(line, *homes)
        give(homes, AFTER // 2)
        # As of one moment in the midst of it: what lands meanwhile is not in the backup.
        made = backups.back_up(url, tmp_path / "balise.age", recipient, lambda _done, _all: None)
        give(homes, AFTER // 2)
        last = closed(line, *homes)
    assert last["landed"] > made.accounting["landed"] >= then["landed"]

    line.fleet.kill("receive")
    destroy(url)
    back = backups.restore(url, tmp_path / "balise.age", key, lambda _done, _all: None)
    assert back == made
    line.keep_running()
    line.wait_for_receiver()
    assert all(one.depth() == 0 for one in homes)  # each had its receipt
    with homes[0].online(), homes[1].online(), homes[2].online():
        found = closed(line, *homes)
    print(f"backup {made.accounting}; before {last}; after {found}")  # noqa: T201
    with psycopg.connect(url) as database:
        assert all(people.find(database, one.name) for one in homes)


def give(homes: list[Home], count: int) -> None:
    for home in homes:
        spool = Spool(home.spool_file)
        home.give(spool, count)
        spool.close()


def destroy(url: str) -> None:
    """Drop the whole database and make an empty one in its place."""
    base, _, name = url.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
