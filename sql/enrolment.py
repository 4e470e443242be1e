"""Invitations of gateways: made, found by what a box shows, used up once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

import sql
from sql import people


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation as it is kept: digests, never the code."""

    id: int
    gateway: str
    token_digest: bytes
    expired: bool
    used_key: bytes | None


def invite(
    connection: psycopg.Connection, gateway: str, *, code: bytes, token: bytes, until: datetime
) -> None:
    """Keep an invitation's digests; it takes the place of those before it."""
    with connection.transaction():
        people.add_gateway(connection, gateway)
        close(connection, gateway)
        connection.execute(
            sql.get("enrolment.invite"),
            {"gateway": gateway, "code": code, "token": token, "expires_at": until},
        )


def close(connection: psycopg.Connection, gateway: str) -> None:
    """End the open invitations of a gateway."""
    connection.execute(sql.get("enrolment.close"), {"gateway": gateway})


def shut_out(connection: psycopg.Connection, gateway: str) -> None:
    """Have nobody miss a gateway that comes in no more."""
    connection.execute(sql.get("enrolment.shut_out"), {"gateway": gateway})


def of_code(connection: psycopg.Connection, code: bytes) -> Invite | None:
    """Return the newest invitation of a code's digest, locked."""
    row = connection.execute(sql.get("enrolment.of_code"), {"code": code}).fetchone()
    return None if row is None else Invite(*row)


def of_gateway(connection: psycopg.Connection, gateway: str) -> Invite | None:
    """Return the newest invitation of a gateway, locked."""
    row = connection.execute(sql.get("enrolment.of_gateway"), {"gateway": gateway}).fetchone()
    return None if row is None else Invite(*row)


def use(connection: psycopg.Connection, found: Invite, key: bytes) -> None:
    """Use an invitation up."""
    connection.execute(sql.get("enrolment.use"), {"id": found.id, "key": key})


def refuse(connection: psycopg.Connection) -> None:
    """Count a wrong code."""
    connection.execute(sql.get("enrolment.refuse"))


def refused(connection: psycopg.Connection) -> int:
    """Return how many wrong codes came in within an hour."""
    row = connection.execute(sql.get("enrolment.refused")).fetchone()
    return int(row[0]) if row else 0
