"""The commands of the database: its schema, what it keeps and for how long, its backups."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from balise.options import Json

db_app = App(name="db", help="The database: schema, retention, size.")


@db_app.command(name="migrate")
def db_migrate() -> None:
    """Bring the database to this version's schema."""
    from balise import keeping

    keeping.migrate()


@db_app.command(name="retention")
def db_retention(
    *, dry_run: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> None:
    """Drop payloads older than BALISE_RAW_MONTHS; readings and rollups are kept.

    What is not validated yet, refused and not looked at, or rested on by an open signal stays.

    Parameters
    ----------
    dry_run
        Say what would be dropped, and drop nothing.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.retention(dry_run=dry_run, as_json=json)


@db_app.command(name="size")
def db_size(*, json: Json = False) -> None:
    """Say what each large table takes on the disk, and that for a million readings.

    Parameters
    ----------
    json
        One JSON object.

    """
    from balise import keeping

    keeping.size(as_json=json)


@db_app.command(name="erase")
def db_erase(
    patient: str, *, now: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> None:
    """Delete all there is of a patient: name, readings, figures, signals, the bytes that came.

    It can't be taken back. Take the box out of service first (`balise gateway revoke`): what it
    sends afterwards is refused, but kept. Without --now, only how much it would be is said.

    Parameters
    ----------
    patient
        The patient's code.
    now
        Delete it.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.erase(patient, now=now, as_json=json)


@db_app.command(name="erase-again")
def db_erase_again(*, json: Json = False) -> None:
    """Delete those whom an older backup or copy brought back after they were erased.

    Who was erased stands in `ca/erased.jsonl`, in the folder that BALISE_HOME names. `balise db
    restore` does it by itself; after `balise db rebuild` it is to be asked for, first of all.

    Parameters
    ----------
    json
        One JSON object.

    """
    from balise import keeping

    keeping.erase_again(as_json=json)


@db_app.command(name="export")
def db_export(patient: str, folder: Path, *, json: Json = False) -> None:
    """Write all there is of a patient for them to take elsewhere: FHIR, a table, the bytes.

    Parameters
    ----------
    patient
        The patient's code.
    folder
        Where the files go: health data, for the patient's eyes.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.export(patient, folder, as_json=json)


@db_app.command(name="key")
def db_key(file: Path) -> None:
    """Make the key that opens backups, and say for whom they are then closed.

    Keep the file elsewhere, in two places: without it no backup can be read, and nobody who takes
    this server has it. What is said goes into BALISE_BACKUP_RECIPIENT.

    Parameters
    ----------
    file
        Where to write the key.

    """
    from balise import keeping

    keeping.backup_key(file)


@db_app.command(name="backup")
def db_backup(file: Path, *, json: Json = False) -> None:
    """Write all there is into one closed file, as of one moment, while the line goes on.

    Parameters
    ----------
    file
        The file to write; one that is there gives way once the new one is whole.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.back_up(file, as_json=json)


@db_app.command(name="copy")
def db_copy(
    folder: Path, *, every: float = 0, days: float = 1, keep: int = 3, json: Json = False
) -> None:
    """Copy the whole server into a folder, and then its log: any moment of it can be gone back to.

    The address of the database is that of a role with REPLICATION.

    Parameters
    ----------
    folder
        Where the copy is; nothing in it can be read without the key.
    every
        Go on, with so many seconds between two looks; 0 looks once.
    days
        How old a base copy may be before another is taken.
    keep
        How many of them stay, each with its log.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.copy(folder, every=every, days=days, keep=keep, as_json=json)


@db_app.command(name="rebuild")
def db_rebuild(
    folder: Path, data: Path, *, key: Path, until: datetime | None = None, json: Json = False
) -> None:
    """Make a data folder of a copy; PostgreSQL goes through the log when it starts on it.

    Parameters
    ----------
    folder
        The copy.
    data
        The folder to make, which must be empty. Root gives it to whom the folder above it belongs.
    key
        The file that `balise db key` made.
    until
        The moment to go back to, 2026-11-28T16:43:04+01:00; without it, the last one.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.rebuild(folder, data, key, until=until, as_json=json)


@db_app.command(name="verify")
def db_verify(file: Path, *, key: Path, json: Json = False) -> None:
    """Read a backup through: each table's digest and rows, without a database.

    Of a copy (`balise db copy`): each file's digest, and that no byte of the log is missing.

    Parameters
    ----------
    file
        The backup, or the folder of a copy.
    key
        The file that `balise db key` made.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.verify_backup(file, key, as_json=json)


@db_app.command(name="restore")
def db_restore(file: Path, *, key: Path, json: Json = False) -> None:
    """Fill an empty database from a backup, and count to the reading.

    A backup of an older version is brought to this version's schema. Boxes at home still have what
    they sent in the last seven days, and send again what is missing. Patients erased since are
    erased again, by the list beside the authority's keys.

    Parameters
    ----------
    file
        The backup.
    key
        The file that `balise db key` made.
    json
        One JSON object.

    """
    from balise import keeping

    keeping.restore(file, key, as_json=json)
