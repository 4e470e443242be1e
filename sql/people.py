"""Enrol patients, gateways and devices."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import psycopg

import sql
from balise.errors import ConsentWithdrawn

_CODE_BYTES = 6
"""Of a new patient's code, which says nothing; one that is taken already is refused."""

_NOT_AGREED = "BA001"
"""Said by the database: 0031_consent.sql."""


def known(connection: psycopg.Connection, code: str) -> bool:
    """Say whether a patient's code is taken."""
    row = connection.execute(sql.get("people.known"), {"code": code}).fetchone()
    return row is not None and bool(row[0])


def add_subject(
    connection: psycopg.Connection, code: str, *, pathway: str, time_zone: str = "Europe/Paris"
) -> int:
    """Return the number of a patient, enrolled now if the code is new."""
    row = connection.execute(
        sql.get("people.add_subject"), {"code": code, "pathway": pathway, "time_zone": time_zone}
    ).fetchone()
    return _number(row)


def set_identity(
    connection: psycopg.Connection,
    subject: int,
    *,
    family: str,
    given: str,
    birth_date: date | None = None,
    sex: str = "unknown",
) -> None:
    """Write who a patient is where nobody has yet, in the identity table only."""
    connection.execute(
        sql.get("people.set_identity"),
        {
            "subject": subject,
            "family": family,
            "given": given,
            "birth_date": birth_date,
            "sex": sex,
        },
    )


def enrol(
    connection: psycopg.Connection, *, pathway: str, time_zone: str, panel: str
) -> tuple[int, str] | None:
    """Return a new patient's number and code, in a panel of whoever is signed in.

    None where they may not.
    """
    code = f"p-{secrets.token_hex(_CODE_BYTES)}"
    keys = {"code": code, "pathway": pathway, "time_zone": time_zone, "panel": panel}
    row = connection.execute(sql.get("people.enrol"), keys).fetchone()
    return None if row is None or row[0] is None else (int(row[0]), code)


@dataclass(frozen=True, slots=True)
class Subject:
    """A patient's number and time zone."""

    id: int
    time_zone: str


def find(connection: psycopg.Connection, code: str) -> Subject | None:
    """Return the patient of a code."""
    row = connection.execute(sql.get("people.find"), {"code": code}).fetchone()
    return None if row is None else Subject(*row)


def codes(connection: psycopg.Connection) -> dict[int, str]:
    """Return the patients' codes by number."""
    return dict(connection.execute(sql.get("people.codes")).fetchall())


def device(connection: psycopg.Connection, address: str) -> int | None:
    """Return the device of an address."""
    row = connection.execute(sql.get("people.device"), {"address": address}).fetchone()
    return None if row is None else int(row[0])


def midnight(day: date, time_zone: str) -> datetime:
    """Return when a day begins where the patient lives."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


def add_gateway(connection: psycopg.Connection, name: str) -> None:
    """Enrol a gateway."""
    connection.execute(sql.get("people.add_gateway"), {"name": name})


def give(
    connection: psycopg.Connection,
    address: str,
    subject: int,
    *,
    since: datetime,
    name: str = "",
    gateway: str | None = None,
    slot: int | None = None,
) -> int:
    """Enrol a device and give it to a patient from a moment on; doing it twice does nothing.

    Who had it until then has it until then; whom it is given to later has it from then on. `slot`
    gives only the readings of one user number of a shared device. When they agreed to nothing is
    left out; ConsentWithdrawn where that is all.
    """
    device = _number(
        connection.execute(
            sql.get("people.add_device"), {"address": address, "name": name, "gateway": gateway}
        ).fetchone()
    )
    keys = {"device": device, "subject": subject, "slot": slot, "since": since}
    row = connection.execute(sql.get("people.assigned"), keys).fetchone()
    if row is None or not row[0]:
        with connection.transaction():
            connection.execute(sql.get("people.end_at_once"), keys)
            connection.execute(sql.get("people.end_assignment"), keys)
            _assign(connection, keys)
    return device


def _assign(connection: psycopg.Connection, keys: Mapping[str, object]) -> None:
    try:
        given = connection.execute(sql.get("people.assign"), keys).rowcount
    except psycopg.DatabaseError as error:
        if error.sqlstate == _NOT_AGREED:
            raise ConsentWithdrawn from error
        raise
    if not given:
        raise ConsentWithdrawn


def _number(row: tuple[int] | tuple[object, ...] | None) -> int:
    if row is None or not isinstance(row[0], int):
        raise psycopg.DataError("the database gave no number")
    return row[0]
