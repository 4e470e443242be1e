"""Backups: closed, whole, counted, and of older versions too."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyrage
import pytest
from psycopg import sql as build

import sql
from balise import backups
from balise.errors import BackupUnreadable, BackupUnwritable, Exit, UsageError
from balise.sealed_archive import new_key, reading, recipients, writing
from devices.payloads import balise_v1
from flows import steps
from ingest.receive import Delivery, land
from sql import audit, dump, people
from sql.migrate import migrate

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
MARK = "Mademoiselle-Marquée"
NewDatabase = Callable[[], str]


def nothing(_done: int, _total: int) -> None: ...


@pytest.fixture
def key() -> tuple[str, str]:
    return new_key()


@pytest.fixture
def filled(database_url: str) -> Iterator[psycopg.Connection]:
    """A patient with weights, one refused message, and a row of the audit."""
    with psycopg.connect(database_url, autocommit=True) as database:
        subject = people.add_subject(database, "p-kept", pathway="heart_failure")
        people.set_identity(database, subject, family=MARK, given="A\tb\\c\nd")
        people.give(database, SCALE, subject, since=datetime(2026, 1, 1, tzinfo=UTC))
        for day in range(1, 21):
            frame = balise_v1.Item(
                device=SCALE,
                captured_at=datetime(2026, 11, day, 7, tzinfo=UTC),
                service="181D",
                characteristic="2A9D",
                data=f"00{0x3F00 + day:04x}"[:2] + f"{day:02x}3f",
            )
            body = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(frame))])
            land(database, [Delivery(1, 1, "balise/v1/home/frames", body)], NOW)
        land(database, [Delivery(1, 1, "balise/v1/home/frames", b"<no message>")], NOW)
        steps.run_line(database_url, NOW)
        audit.add(database, [subject], who="nurse", action="view", what="a test")
        database.execute(
            "INSERT INTO consent (subject, sheet, scope, way, who)"
            " VALUES (%s, '2026-11', '{}', 'paper', 'nurse')",
            (subject,),
        )
        yield database


def tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables, in an order of their own."""
    with psycopg.connect(url) as database:
        names = database.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND relname NOT IN ('schema_migration', 'backup')"
        ).fetchall()
        query = build.SQL("SELECT one::text FROM {} AS one ORDER BY 1")
        return {
            name: database.execute(query.format(build.Identifier(name))).fetchall()
            for (name,) in names
        }


def test_what_comes_back_is_what_was_there(
    filled: psycopg.Connection, database_url: str, new_database: NewDatabase, tmp_path: Path,
    key: tuple[str, str],
):  # fmt: skip
    file = tmp_path / "balise.age"
    made = backups.back_up(database_url, file, key[1], nothing)
    assert made.accounting == {
        "readings": 20, "kept": 21, "messages": 21, "landed": 21, "accepted": 20, "duplicate": 0,
        "refused": 1,
    }  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600
    assert backups.verify(file, key[0]) == made
    other = new_database()
    assert backups.restore(other, file, key[0], nothing) == made
    assert tables(other) == tables(database_url)
    with psycopg.connect(other, autocommit=True) as database:
        # Numbers go on, and the chain of the audit with them.
        subject = people.add_subject(database, "p-new", pathway="heart_failure")
        kept = people.find(database, "p-kept")
        assert kept
        assert subject > kept.id
        audit.add(database, [subject], who="nurse", action="view", what="after")
        assert audit.head(database)[0] == 2


def test_a_day_of_payloads_is_not_dropped_under_a_backup(
    filled: psycopg.Connection, database_url: str
):
    """No snapshot has the rows of a chunk that went after it: retention comes another day."""
    with psycopg.connect(database_url) as connection:
        with connection.transaction():
            found = dump.tables(connection)
        dump.snapshot(connection)
        dump.hold(connection, found)
        filled.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            filled.execute("SELECT drop_landing_day('2026-11-25', '2026-11-26')")
        landing = next(one for one in found if one.name == "landing")
        assert b"".join(dump.read(connection, landing)).count(b"\n") == 21
    assert filled.execute("SELECT drop_landing_day('2026-11-25', '2026-11-26')").fetchall()


def test_nobody_reads_it_without_the_key(
    filled: psycopg.Connection, database_url: str, tmp_path: Path, key: tuple[str, str]
):
    file = tmp_path / "balise.age"
    backups.back_up(database_url, file, key[1], nothing)
    assert MARK.encode() not in file.read_bytes()
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(BackupUnreadable):
        backups.verify(file, new_key()[0])
    with pytest.raises(UsageError, match="AGE-SECRET-KEY"):
        backups.verify(file, "no key")


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_damaged_backup_is_none(
    filled: psycopg.Connection, database_url: str, tmp_path: Path, key: tuple[str, str], at: float
):
    file = tmp_path / "balise.age"
    backups.back_up(database_url, file, key[1], nothing)
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupUnreadable):
        backups.verify(file, key[0])
    file.write_bytes(content[: int(len(content) * at)])
    with pytest.raises(BackupUnreadable):
        backups.verify(file, key[0])


def test_a_part_that_is_another_s_is_seen(tmp_path: Path, key: tuple[str, str]):
    file = tmp_path / "forged.age"
    part = {"columns": ["id"], "rows": 1, "sha256": "00"}
    manifest = {"made_at": "", "schema": 1, "tables": {"subject": part}, "sequences": {},
                "accounting": {}, "audit": ""}  # fmt: skip
    with writing(file, recipients(key[1])) as archive:
        archive.add("subject.copy", [b"1\n"])
        archive.add("manifest.json", [json.dumps(manifest).encode()])
    with pytest.raises(BackupUnreadable, match="subject is not what was written"):
        backups.verify(file, key[0])
    with (
        reading(file, key[0]) as opened,
        pytest.raises(BackupUnreadable, match="no whole x"),
    ):
        opened.read("x.copy")


def closed(file: Path, inside: bytes, recipient: str) -> None:
    """Close whatever bytes as anybody can who has the public key."""
    file.write_bytes(pyrage.encrypt(inside, recipients(recipient)))


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"tables": {"subject": 1}}', "[" * 100_000, "\ud800"],
    ids=["nothing", "a list", "no table", "no part", "deep", "no text"],
)
def test_a_backup_that_does_not_say_what_it_has_is_none(
    tmp_path: Path, key: tuple[str, str], manifest: str
):
    file = tmp_path / "forged.age"
    with writing(file, recipients(key[1])) as archive:
        archive.add("manifest.json", [manifest.encode(errors="surrogatepass")])
    with pytest.raises(BackupUnreadable, match="doesn't say"):
        backups.verify(file, key[0])


def test_any_byte_inside_of_a_backup_wrong_it_is_whole_or_none(
    tmp_path: Path, key: tuple[str, str]
):
    file = tmp_path / "forged.age"
    with writing(file, recipients(key[1])) as archive:
        archive.add("manifest.json", [b'{"made_at": "2026", "schema": 1}' * 9])
    inside = pyrage.decrypt(file.read_bytes(), [pyrage.x25519.Identity.from_str(key[0])])
    for place in range(len(inside)):
        damaged = bytearray(inside)
        damaged[place] ^= 0x41
        closed(file, bytes(damaged), key[1])
        with pytest.raises(BackupUnreadable):
            backups.verify(file, key[0])
    closed(file, inside[:-30], key[1])
    with pytest.raises(BackupUnreadable):
        backups.verify(file, key[0])


def test_a_backup_that_lacks_a_table_fills_nothing(
    filled: psycopg.Connection,
    database_url: str,
    tmp_path: Path,
    key: tuple[str, str],
    new_database: NewDatabase,
):
    file = tmp_path / "balise.age"
    backups.back_up(database_url, file, key[1], nothing)
    with reading(file, key[0]) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    del manifest["tables"]["subject"]
    with writing(file, recipients(key[1])) as archive:
        archive.add("manifest.json", [json.dumps(manifest).encode()])
    with pytest.raises(BackupUnreadable, match="has no subject"):
        backups.restore(new_database(), file, key[0], nothing)


def test_a_database_in_use_is_left_alone(
    filled: psycopg.Connection, database_url: str, tmp_path: Path, key: tuple[str, str]
):
    file = tmp_path / "balise.age"
    backups.back_up(database_url, file, key[1], nothing)
    before = tables(database_url)
    with pytest.raises(UsageError, match="in use"):
        backups.restore(database_url, file, key[0], nothing)
    assert tables(database_url) == before


def test_a_backup_of_an_older_version_comes_up_to_this_one(
    endpoints: Any, tmp_path: Path, key: tuple[str, str], new_database: NewDatabase
):
    """As the release before the roles and the audit left it: with people, readings, an account."""
    old = {number: one for number, one in sql.migrations().items() if number <= 25}
    base = endpoints.database_url.rpartition("/")[0]
    names = [f"old_{os.getpid()}", f"back_{os.getpid()}"]
    with psycopg.connect(endpoints.database_url, autocommit=True) as server:
        for name in names:
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    try:
        before, after = (f"{base}/{name}" for name in names)
        migrate(before, old)
        with psycopg.connect(before, autocommit=True) as database:
            subject = people.add_subject(database, "p-old", pathway="heart_failure")
            people.set_identity(database, subject, family=MARK, given="Ancienne")
            database.execute("INSERT INTO login VALUES ('nurse', 'hash', 'clinician', 'fr')")
        with pytest.raises(psycopg.errors.UndefinedTable):
            backups.back_up(before, tmp_path / "x", key[1], nothing)  # `migrate` comes first
        _as_then(before, tmp_path / "old.age", key[1])
        backups.restore(after, tmp_path / "old.age", key[0], nothing)
        with psycopg.connect(after) as database:
            row = database.execute(
                "SELECT code, family, panel FROM subject JOIN identity ON subject = id,"
                " panel_account WHERE account = 'nurse'"
            ).fetchone()
        assert row == ("p-old", MARK, "site")
    finally:
        with psycopg.connect(endpoints.database_url, autocommit=True) as server:
            for name in names:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _as_then(url: str, file: Path, to: str) -> None:
    """Write a backup of a schema that had no audit, as that version would have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "head", lambda _connection: (0, b""))
        patch.setattr(dump, "note", lambda *_: None)
        backups.back_up(url, file, to, nothing)


def test_no_room_leaves_the_backup_before_it(
    filled: psycopg.Connection, database_url: str, tmp_path: Path, key: tuple[str, str]
):
    file = tmp_path / "balise.age"
    backups.back_up(database_url, file, key[1], nothing)
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(BackupUnwritable):
            backups.back_up(database_url, file, key[1], nothing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(BackupUnwritable):
        backups.back_up(database_url, tmp_path / "no" / "folder", key[1], nothing)


def test_the_commands(
    filled: psycopg.Connection, database_url: str, new_database: NewDatabase, tmp_path: Path
):
    def balise(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "BALISE_DATABASE_URL": database_url, **more}
        command = [sys.executable, "-m", "balise", "db", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    key, file = str(tmp_path / "key"), str(tmp_path / "balise.age")
    made = balise("key", key)
    name, _, recipient = made.stdout.strip().partition("=")
    assert name == "BALISE_BACKUP_RECIPIENT"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert balise("key", key).returncode == Exit.USAGE
    assert "balise db key" in balise("backup", file).stderr
    assert balise("backup", file, BALISE_BACKUP_RECIPIENT="nonsense").returncode == Exit.USAGE
    done = balise("backup", file, "--json", BALISE_BACKUP_RECIPIENT=recipient)
    assert json.loads(done.stdout)["readings"] == 20
    assert json.loads(balise("verify", file, "--key", key, "--json").stdout)["refused"] == 1
    assert balise("verify", key, "--key", key).returncode == Exit.FAILED
    other = new_database()
    back = balise("restore", file, "--key", key, "--json", BALISE_DATABASE_URL=other)
    assert json.loads(back.stdout)["readings"] == 20, back.stderr
    there, here = tables(other), tables(database_url)
    assert [row for row in there.pop("audit") if "db restore" not in row[0]] == here.pop("audit")
    assert there == here
