"""The workbench of what was refused: list, look, discard with a note, reopen."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import psycopg

import sql
from sql import rows
from sql.replay import BESIDE_VALIDATE
from sql.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which refusals: by place, reason or gateway; what is None excludes nothing."""

    landing: int | None = None
    item: int | None = None
    part: int | None = None
    reason: str | None = None
    gateway: str | None = None


def counts(connection: psycopg.Connection, gateway: str | None = None) -> list[Row]:
    """Return how much was refused by reason and state, what waits first."""
    return rows.named(connection, "refused.counts", gateway=gateway)


def listed(
    connection: psycopg.Connection,
    *,
    state: str = "new",
    reason: str | None = None,
    gateway: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """Return what was refused, the newest first, without its bytes."""
    keys = {"state": state, "reason": reason, "gateway": gateway, "limit": limit}
    return rows.named(connection, "refused.listed", **keys)


def at(connection: psycopg.Connection, which: Which) -> list[Row]:
    """Return what was refused at a place, with its message's bytes while they are kept."""
    keys = {"landing": which.landing, "item": which.item, "part": which.part}
    return rows.named(connection, "refused.of_place", **keys)


def events(connection: psycopg.Connection, landing: int) -> list[Row]:
    """Return who did what to the refusals of a message."""
    return rows.named(connection, "refused.events", landing=landing)


def discard(connection: psycopg.Connection, which: Which, *, who: str, note: str) -> int:
    """Decide that something is no reading; return how much of what waited was meant."""
    return _move(connection, which, was="new", state="discarded", who=who, note=note)


def reopen(connection: psycopg.Connection, which: Which, *, who: str, note: str = "") -> int:
    """Take a decision back; return how much of what was discarded was meant."""
    return _move(connection, which, was="discarded", state="new", who=who, note=note)


def _move(connection: psycopg.Connection, which: Which, **to: str) -> int:
    with connection.transaction():
        # A replay that judges this very refusal is waited for.
        connection.execute(sql.get("replay.beside_validate"), {"lock": BESIDE_VALIDATE})
        return connection.execute(sql.get("refused.move"), {**asdict(which), **to}).rowcount
