"""A copy of the server with its log: any moment of it comes back, to the row."""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from balise.errors import BackupUnreadable, UsageError
from balise.sealed_archive import new_key, recipients, writing
from balise.stack import Silent
from balise.stack.home import Home
from balise.stack.postgres import Postgres
from balise.stack.programs import find
from balise.wal.copying import chains, copy
from balise.wal.rebuilding import rebuild, verify
from bench.line import new_folder

pytestmark = [pytest.mark.stack, pytest.mark.slow]

KEY, RECIPIENT = new_key()
NewServer = Callable[[str], Postgres]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = new_folder()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def new_server(folder: Path) -> Iterator[NewServer]:
    """PostgreSQL alone, in a home of this name."""
    made: list[Postgres] = []

    def make(name: str) -> Postgres:
        home = Home(folder / name)
        home.open()
        made.append(
            Postgres(home, functools.cache(functools.partial(find, home, Silent())), Silent())
        )
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.service.stop()


@pytest.fixture(scope="module")
def url(new_server: NewServer) -> str:
    url = new_server("first").url("balise")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE row (n bigint, at timestamptz NOT NULL DEFAULT now())")
        database.execute("SELECT create_hypertable('row', by_range('at', INTERVAL '1 day'))")
        database.execute(
            "INSERT INTO row SELECT n, now() - n * '1 minute'::interval"
            " FROM generate_series(1, 9999) AS n"
        )
        database.execute("CREATE ROLE copier LOGIN REPLICATION PASSWORD 'x'")
    return url


@pytest.fixture
def copied(url: str, folder: Path) -> Iterator[Path]:
    """A folder of its own, and afterwards nothing that the server keeps for it."""
    path = folder / "copy"
    yield path
    shutil.rmtree(path, ignore_errors=True)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def bring(url: str, folder: Path, *, days: float = 7, keep: int = 3) -> list[Path]:
    """Copy as a role that may do nothing else."""
    _, _, rest = url.rpartition("@")
    return list(copy(f"postgresql://copier:x@{rest}", folder, RECIPIENT, days=days, keep=keep))


def rows(url: str) -> int:
    with psycopg.connect(url) as database:
        return database.execute("SELECT count(*) FROM row").fetchall()[0][0]


def add(url: str, count: int) -> datetime:
    """Add rows, each in a transaction of its own; return the moment when all were there."""
    with psycopg.connect(url, autocommit=True) as database:
        for n in range(count):
            database.execute("INSERT INTO row (n) VALUES (%s)", (n,))
        return database.execute("SELECT clock_timestamp()").fetchall()[0][0]


def back(new_server: NewServer, folder: Path, copied: Path, until: datetime | None) -> str:
    """Rebuild into a new home with the passwords of the first; return the database's address."""
    name = f"back {len(list(folder.glob('back*')))}"
    home = Home(folder / name)
    home.open()
    data = home.served("postgres") / "data"
    shutil.copytree(folder / "first/secrets", folder / name / "secrets")
    rebuild(copied, data, KEY, until)
    home.give(data.with_name("made"), "")
    return new_server(name).url("balise")


def test_any_moment_comes_back_to_the_row(
    url: str, new_server: NewServer, folder: Path, copied: Path
):
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            add(url, 10)

    writer = threading.Thread(target=write)
    writer.start()
    bring(url, copied)
    stop.set()
    writer.join()
    with psycopg.connect(url, autocommit=True) as database:  # a base copy's whole second is over
        database.execute("SELECT pg_sleep(2.1)")
    then, moment = rows(url), add(url, 0)
    add(url, 300)
    assert len(bring(url, copied)) == 1
    add(url, 50)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SELECT pg_switch_wal()")
        database.execute("SELECT pg_sleep(1.1)")
    bring(url, copied)
    (whole,) = verify(copied, KEY)
    assert whole["files"] > 1000
    assert rows(back(new_server, folder, copied, moment)) == then
    last = back(new_server, folder, copied, None)
    assert rows(last) == rows(url) == then + 350
    # The server that came back has no slot: a new chain begins in the same folder.
    add(last, 7)
    bring(last, copied)
    assert len(chains(copied)) == 2
    assert rows(back(new_server, folder, copied, None)) == then + 357


def test_old_chains_go_and_none_begins_before_the_one_before_it_ends(url: str, copied: Path):
    for _ in range(4):
        bring(url, copied, days=0, keep=2)
        add(url, 5)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("SELECT pg_sleep(1)")
    old, new = chains(copied).values()
    assert old.log()[-1][1] > new.log()[0][0]
    assert len(list(copied.iterdir())) == 2
    assert len(list(verify(copied, KEY))) == 2
    with psycopg.connect(url) as database:
        slots = database.execute("SELECT slot_name FROM pg_replication_slots").fetchall()
    assert slots == [(new.folder.name,)]


def test_a_hole_and_damage_are_seen(url: str, copied: Path):
    bring(url, copied)
    add(url, 20)
    (last,) = bring(url, copied)
    add(url, 20)
    bring(url, copied)
    content = last.read_bytes()
    last.write_bytes(content[:-100] + b"x" + content[-99:])
    with pytest.raises(BackupUnreadable):
        list(verify(copied, KEY))
    last.unlink()
    with pytest.raises(BackupUnreadable, match="hole"):
        list(verify(copied, KEY))
    with writing(last, recipients(RECIPIENT)) as archive:
        archive.add("wal", [b"too short"])
    with pytest.raises(BackupUnreadable, match="not what was written"):
        list(verify(copied, KEY))
    with pytest.raises(BackupUnreadable):
        list(verify(copied, new_key()[0]))


def test_a_log_that_the_server_gave_up_begins_anew(url: str, copied: Path):
    bring(url, copied)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '32MB'")
        database.execute("SELECT pg_reload_conf()")
        for _ in range(6):
            database.execute("INSERT INTO row (n) VALUES (1)")
            database.execute("SELECT pg_switch_wal()")
        database.execute("CHECKPOINT")
        row = database.execute("SELECT wal_status FROM pg_replication_slots").fetchone()
        assert row == ("lost",)
        database.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        database.execute("SELECT pg_reload_conf()")
        database.execute("SELECT pg_sleep(1)")
    bring(url, copied)
    assert len(list(verify(copied, KEY))) == 2


def test_killed_at_any_moment_it_leaves_no_hole(url: str, copied: Path):
    _, _, rest = url.rpartition("@")
    own = {
        "BALISE_DATABASE_URL": f"postgresql://copier:x@{rest}",
        "BALISE_BACKUP_RECIPIENT": RECIPIENT,
    }
    command = [sys.executable, "-m", "balise", "db", "copy", str(copied), "--every", "0.1"]
    chance = random.Random(13)  # noqa: S311
    for _ in range(8):
        with subprocess.Popen(
            command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as copier:
            began = time.monotonic()
            while time.monotonic() < began + chance.uniform(1.5, 5):
                add(url, 20)
            copier.kill()
    bring(url, copied)
    assert len(list(verify(copied, KEY))) == len(chains(copied)) >= 1


def test_the_first_second_that_it_names_comes_back(
    url: str, new_server: NewServer, folder: Path, copied: Path
):
    bring(url, copied)
    (chain,) = chains(copied).values()
    assert chain.until >= chain.since
    assert rows(back(new_server, folder, copied, chain.since)) == rows(url)


def test_a_server_that_was_set_back_begins_anew(url: str, copied: Path):
    bring(url, copied)
    (chain,) = chains(copied).values()
    start, end, last = chain.log()[-1]
    beyond = last.with_name(last.name.replace(f"{end:016X}", f"{end + (64 << 20):016X}"))
    last.rename(beyond)  # as if the log had gone on from there, before the server was set back
    bring(url, copied)
    assert len(chains(copied)) == 2
    assert start < end


def test_chains_stand_in_the_order_in_which_they_were_made(url: str, copied: Path):
    bring(url, copied)
    (chain,) = chains(copied).values()
    ahead = chain.folder.with_name("balise_20360101_000000_000000")  # a clock was wrong then
    chain.folder.rename(ahead)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    bring(url, copied)
    assert list(chains(copied)) == [ahead.name, "balise_20360101_000000_000001"]


def test_as_many_chains_stay_as_were_asked_for(url: str, copied: Path):
    for _ in range(5):
        bring(url, copied, days=0, keep=3)
    assert len(chains(copied)) == 3


def test_room_is_made_before_a_base_copy_is_taken(url: str, copied: Path):
    bring(url, copied, days=0, keep=1)
    ours = copied / "balise_exports"
    ours.mkdir()
    running = copy(url, copied, RECIPIENT, days=0, keep=1)
    next(running)  # the base copy is there, and then the disk is full
    running.close()
    bring(url, copied, days=0, keep=1)
    assert len(chains(copied)) == 1
    assert ours.is_dir()  # what isn't ours stays


def test_what_it_refuses(url: str, copied: Path, tmp_path: Path):
    bring(url, copied)
    with pytest.raises(UsageError, match="one copy"):
        bring(url, copied, keep=0)
    with pytest.raises(UsageError, match="name the folder"):
        bring(url, copied.with_name("another"))
    with pytest.raises(UsageError, match="goes to"):
        rebuild(copied, tmp_path / "data", KEY, datetime.fromisoformat("2999-01-01T00:00+00:00"))
    with pytest.raises(UsageError, match="none as old"):
        rebuild(copied, tmp_path / "data", KEY, datetime.fromisoformat("2000-01-01T00:00+00:00"))
    with pytest.raises(UsageError, match="isn't empty"):
        rebuild(copied, copied, KEY, None)
    running = copy(url, copied, RECIPIENT, days=-1, keep=3)
    next(running)
    with pytest.raises(UsageError, match="another one"):
        bring(url, copied)
    running.close()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER ROLE copier NOREPLICATION")
        try:
            with pytest.raises(UsageError, match="REPLICATION"):
                bring(url, copied)
        finally:
            database.execute("ALTER ROLE copier REPLICATION")
