"""What the commands of the database and of the flows' upkeep do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from rich.console import Console
from rich.table import Table

from balise.database import needed
from balise.errors import (
    BackupUnreadable,
    BackupUnwritable,
    DatabaseDown,
    DependencyDown,
    UsageError,
)
from balise.hand import who
from balise.run import counting, print_answer, read_settings

if TYPE_CHECKING:
    from balise.backups import Manifest
    from balise.erased import Erased

Answer = TypeVar("Answer")


def _with_database(work: Callable[[psycopg.Connection], Answer]) -> Answer:
    url = read_settings("database_url").database_url
    with needed(), psycopg.connect(url, autocommit=True) as connection:
        return work(connection)


def migrate() -> None:
    """Bring the database to this version's schema and say what was applied."""
    from sql.migrate import migrate as apply

    settings = read_settings("database_url")
    with needed():
        applied = apply(settings.database_url)
    for name in applied or ["nothing to do"]:
        Console().print(name, highlight=False)


def backfill(since: date, until: date) -> None:
    """Aggregate the days of a period again, with a progress bar."""
    from flows.backfill import check, run

    check(since, until)
    with counting("windows") as progress:
        done = _with_database(lambda connection: run(connection, since, until, progress))
    print_answer(asdict(done), as_json=False)


def retention(*, dry_run: bool, as_json: bool) -> None:
    """Drop old payloads, or say which."""
    from flows import retention as keeping

    settings = read_settings("database_url")
    with counting("days") as progress:
        dropped = _with_database(
            lambda connection: keeping.drop_old(
                connection,
                datetime.now(UTC),
                months=settings.raw_months,
                dry_run=dry_run,
                progress=progress,
            )
        )
    edition = (
        {}
        if dry_run
        else {
            "edition": _with_database(
                lambda connection: keeping.pack(connection, days=settings.raw_pack_days)
            )
        }
    )
    print_answer(
        {"months": settings.raw_months, "dry_run": dry_run, **asdict(dropped), **edition},
        as_json=as_json,
    )


def erase(patient: str, *, now: bool, as_json: bool) -> None:
    """Delete a patient, or say what that would be."""
    from balise import erased
    from sql import people

    home = read_settings("database_url").home

    def work(connection: psycopg.Connection) -> dict[str, int]:
        subject = people.find(connection, patient)
        if subject is None:
            raise UsageError(f"no patient {patient} is enrolled; nothing was deleted")
        if not now:
            with connection.transaction(force_rollback=True):
                return erased.erase(connection, subject.id, who=who())
        with erased.noting(home) as opened:
            with connection.transaction():
                gone = erased.erase(connection, subject.id, who=who())
            erased.note(opened, subject.id, patient)
        return gone

    print_answer({"erased": now, **_with_database(work)}, as_json=as_json)
    if not now:
        Console(stderr=True).print("nothing was deleted; with --now it is, for good")


def erase_again(*, as_json: bool) -> None:
    """Delete those whom an older backup brought back, and say how many they are."""
    print_answer({"erased_again": _erased_again(_listed())}, as_json=as_json)


def _listed() -> list[Erased]:
    """Return who was erased, and say so where nobody ever wrote that down here."""
    from balise import erased

    home = read_settings("database_url").home
    known = erased.listed(home)
    if not known:
        Console(stderr=True).print(
            f"{erased.path(home)} names nobody who was erased: if somebody was, bring it back from"
            " the backup of the keys, then `balise db erase-again`",
            soft_wrap=True,
        )
    return known


def _erased_again(known: list[Erased]) -> int:
    from balise import erased

    return _with_database(lambda connection: erased.again(connection, known, who=who()))


def export(patient: str, folder: Path, *, as_json: bool) -> None:
    """Write a patient's files and say how much is in them."""
    from balise import portable

    print_answer(
        _with_database(lambda connection: portable.export(connection, patient, folder)),
        as_json=as_json,
    )


def size(*, as_json: bool) -> None:
    """Print what each table takes."""
    from flows import retention as keeping

    sizes = _with_database(keeping.sizes)
    if as_json:
        answer = asdict(sizes) | {"bytes_per_million_readings": sizes.per_million}
        print(json.dumps(answer))  # noqa: T201 - the answer
        return
    table = Table("table", "bytes", "bytes for a million readings")
    for name, taken in sizes.tables.items():
        table.add_row(name, f"{taken:,}", f"{sizes.per_million.get(name, 0):,}")
    Console().print(table)
    Console().print(
        f"{sizes.readings} readings of {sizes.messages} messages kept; edition {sizes.edition}",
        highlight=False,
    )


def automations() -> None:
    """Make the automations at Prefect's server and say which there are."""
    import httpx

    from flows.automations import ensure

    try:
        for name, does in asyncio.run(ensure(read_settings())).items():
            Console().print(f"{name}: {does}", highlight=False, soft_wrap=True)
    except (httpx.HTTPError, RuntimeError) as error:
        raise DependencyDown("Prefect's server does not answer; check PREFECT_API_URL") from error


def backup_key(file: Path) -> None:
    """Make a key, and print for whom backups are closed with it."""
    from balise import files
    from balise.sealed_archive import new_key

    if file.exists():
        raise UsageError(f"{file} is there already: a key that opens backups is not written over")
    key, recipient = new_key()
    try:
        files.write(file, f"{key}\n".encode(), 0o600)
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}") from error
    print(f"BALISE_BACKUP_RECIPIENT={recipient}")  # noqa: T201 - the answer
    Console(stderr=True).print(f"move {file} off this server, and keep it in two places")


def back_up(file: Path, *, as_json: bool) -> None:
    """Write a backup and say what is in it."""
    from balise import backups

    settings = read_settings("database_url")
    _note("export", "balise db backup")
    with needed(), counting("tables") as progress:
        made = backups.back_up(settings.database_url, file, settings.backup_recipient, progress)
    _print_backup(file, made, as_json=as_json)


def copy(folder: Path, *, every: float, days: float, keep: int, as_json: bool) -> None:
    """Bring a copy up to now, and again and again; a database that is away is waited for."""
    told = ""
    while True:
        try:
            answer = _copied(folder, days=days, keep=keep)
        except DatabaseDown as error:
            if not every:
                raise
            Console(stderr=True).print(str(error), highlight=False)
        else:
            if answer["copy"] != told:
                print_answer(answer, as_json=as_json)
            told = answer["copy"]
        if not every:
            return
        time.sleep(every)


def _copied(folder: Path, *, days: float, keep: int) -> dict[str, Any]:
    from balise.wal import copying

    settings = read_settings("database_url")
    made = copying.copy(
        settings.database_url, folder, settings.backup_recipient, days=days, keep=keep
    )
    try:
        with needed():
            # Each while it is there: an old chain's last pieces go with it.
            sizes = [path.stat().st_size for path in made]
        newest = list(copying.chains(folder).values())[-1]
    except OSError as error:
        raise BackupUnwritable(f"{error.filename or folder}: {error.strerror}") from error
    return {"copy": newest.folder.name, "files": len(sizes), "bytes": sum(sizes),
            "since": f"{newest.since}", "until": f"{newest.until}"}  # fmt: skip


def rebuild(folder: Path, data: Path, key: Path, *, until: datetime | None, as_json: bool) -> None:
    """Make a data folder of a copy and say what is in it."""
    from balise.wal import rebuilding

    if until and until.tzinfo is None:
        raise UsageError("say the moment with its offset: 2026-11-28T16:43:04+01:00")
    try:
        answer = rebuilding.rebuild(folder, data, _key(key), until)
    except OSError as error:
        raise BackupUnreadable(f"{error.filename or folder}: {error.strerror}") from error
    print_answer(answer, as_json=as_json)


def verify_backup(file: Path, key: Path, *, as_json: bool) -> None:
    """Read a backup through and say what is in it."""
    from balise import backups

    if file.is_dir():
        from balise.wal import rebuilding

        for one in rebuilding.verify(file, _key(key)):
            print_answer(one, as_json=as_json)
        return
    _print_backup(file, backups.verify(_there(file), _key(key)), as_json=as_json)


def restore(file: Path, key: Path, *, as_json: bool) -> None:
    """Bring a backup back and say what is there."""
    from balise import backups

    settings, known = read_settings("database_url"), _listed()
    with needed(), counting("tables") as progress:
        made = backups.restore(settings.database_url, _there(file), _key(key), progress)
    _note("change", "balise db restore")
    _print_backup(file, made, as_json=as_json, erased_again=_erased_again(known))


def _note(action: str, what: str) -> None:
    """Write down what was done with everybody's data at once."""
    from sql import audit

    _with_database(
        lambda connection: audit.add(connection, [], who=who(), action=action, what=what)
    )


def _there(file: Path) -> Path:
    if not file.is_file():
        raise UsageError(f"{file} is no file")
    return file


def _key(file: Path) -> str:
    return _there(file).read_text(encoding="ascii", errors="replace")


def _print_backup(file: Path, made: Manifest, *, as_json: bool, **more: int) -> None:
    rows = sum(part.rows for part in made.tables.values())
    answer = {
        "made_at": made.made_at,
        "schema": made.schema,
        "bytes": file.stat().st_size,
        "rows": rows,
        **made.accounting,
        "audit": made.audit,
        **more,
    }
    print_answer(answer, as_json=as_json)
