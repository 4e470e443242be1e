"""What each command of `balise fhir` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import psycopg

import sql
from balise import files
from balise.database import needed
from balise.errors import NotUnderstood, UsageError
from balise.hand import who
from balise.portable import whole
from balise.run import print_answer, read_settings
from care import exchange
from care.consent import SHARING
from care.fhir import mes
from care.fhir.bundle import as_json
from care.fhir.checker import check as problems
from care.web import pages
from sql import audit, rows
from sql.rows import Row


def _connect() -> psycopg.Connection:
    with needed():
        return psycopg.connect(read_settings("database_url").database_url, autocommit=True)


def status(*, as_json: bool) -> None:
    """Print how much waits, was delivered and was refused."""
    with _connect() as connection:
        found = rows.named(connection, "fhir.outbox")
    for row in found:
        print_answer({**row, "since": row["since"].isoformat()}, as_json=as_json)
    if not found and not as_json:
        print("nothing was ever queued")  # noqa: T201 - the answer


def again() -> None:
    """Have what was refused sent once more."""
    with _connect() as connection:
        count = connection.execute(sql.get("fhir.again")).rowcount
    print(f"{count} bundles wait again")  # noqa: T201 - the answer


def export(patient: str, folder: Path, *, profile: str, oid: str, person: str) -> None:
    """Write a patient's measurements as Bundles."""
    if profile == "mes" and not (oid and person):
        raise UsageError("for mes give --oid, which the ANS gave you, and --person")
    with _connect() as connection:
        found = pages.patient(connection, patient)
        if found is None:
            raise UsageError(f"no patient {patient} is enrolled")
        if profile == "mes" and found["agreed"] is not None and SHARING not in found["agreed"]:
            raise UsageError(f"{patient} does not agree that results are sent to their record")
        audit.add(connection, [found["id"]], who=who(), action="export", what="balise fhir export")
        bundles = (
            _to_mes(connection, found, mes.Sender(oid=oid, patient=person))
            if profile == "mes"
            else [whole(connection, found)]
        )
    _write(folder, bundles)


def _to_mes(
    connection: psycopg.Connection, patient: Row, sender: mes.Sender
) -> list[dict[str, object]]:
    found = rows.named(connection, "fhir.devices", subject=patient["id"])
    addresses = {str(row["id"]): row["address"] for row in found}
    return [
        one
        for measured in exchange.every(connection, patient)
        for one in mes.feed(measured, sender, address=addresses[measured.device])
    ]


def _write(folder: Path, bundles: Sequence[dict[str, object]]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number, bundle in enumerate(bundles, 1):
            files.write(folder / f"bundle-{number:05}.json", as_json(bundle), 0o600)
    except OSError as error:
        raise UsageError(f"{folder} can't be written: {error.strerror}") from error
    print(f"{len(bundles)} bundles in {folder}")  # noqa: T201 - the answer


def check(paths: Sequence[Path]) -> None:
    """Print what is wrong with files. Raises NotUnderstood where anything is."""
    wrong = 0
    for path in paths:
        try:
            resource = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} can't be read as JSON: {error}") from error
        found = problems(resource)
        wrong += bool(found)
        for one in found:
            print(f"{path}: {one}")  # noqa: T201 - the answer
    if wrong:
        raise NotUnderstood(f"{wrong} of {len(paths)} files are not right")
    print(f"{len(paths)} files are right")  # noqa: T201 - the answer
