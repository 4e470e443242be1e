"""The commands of the database: its schema, what it keeps and for how long, what it takes."""

from __future__ import annotations

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
