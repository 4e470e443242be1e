"""Store what was validated: readings, refusals, windows to recompute and the accounting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime

import psycopg

import sql
from balise.model import Assignment, Refused
from sql import rows
from sql.rows import Row

SeriesKey = tuple[int, str, int, str]


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of everything that landed."""

    messages: int = 0
    landed: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    conflicting: int = 0
    """How many of the duplicates say another value."""

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(
            self.messages + other.messages,
            self.landed + other.landed,
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.refused + other.refused,
            self.conflicting + other.conflicting,
        )


def devices(connection: psycopg.Connection) -> dict[str, int]:
    """Return the known devices by address."""
    return dict(connection.execute(sql.get("readings.devices")).fetchall())


def assignments(connection: psycopg.Connection) -> dict[int, list[Assignment]]:
    """Return every assignment by device, the newest first."""
    found: defaultdict[int, list[Assignment]] = defaultdict(list)
    for row in connection.execute(sql.get("readings.assignments")):
        device, subject, time_zone, slot, since, until = row
        found[device].append(
            Assignment(
                device=device,
                subject=subject,
                time_zone=time_zone,
                slot=slot,
                since=since,
                until=until,
            )
        )
    return dict(found)


def newest(
    connection: psycopg.Connection, subject: int, metric: str, *, since: datetime, limit: int
) -> list[Row]:
    """Return a patient's newest readings of a metric, with what leads back to the bytes.

    Of somebody who is measured every minute not all of a month is read for eight. The days' figures
    may count what is the patient's no more: then the whole time is read.
    """
    keys = {"subject": subject, "metric": metric, "since": since, "limit": limit}
    ((first,),) = connection.execute(sql.get("readings.enough"), keys).fetchall()
    found = rows.named(connection, "readings.of_subject", **keys, first=first)
    if first is not None and len(found) < limit:
        found = rows.named(connection, "readings.of_subject", **keys, first=None)
    return found


def series(connection: psycopg.Connection, wanted: Collection[SeriesKey]) -> dict[SeriesKey, int]:
    """Return the numbers of series, making those that are new."""
    found = numbers(connection, {key[0] for key in wanted})
    for device, metric, position, unit in sorted(set(wanted) - found.keys()):
        added = connection.execute(
            sql.get("readings.add_series"),
            {"device": device, "metric": metric, "position": position, "unit": unit},
        ).fetchone()
        if added is not None:
            found[device, metric, position, unit] = added[0]
    return found


def numbers(connection: psycopg.Connection, devices: Collection[int]) -> dict[SeriesKey, int]:
    """Return the numbers of the series that devices have so far."""
    rows = connection.execute(sql.get("readings.series"), {"devices": sorted(devices)})
    return {(row[1], row[2], row[3], row[4]): row[0] for row in rows}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message came from, and when."""

    gateway: str
    received_at: datetime


def refuse(
    connection: psycopg.Connection,
    refusals: Iterable[Refused],
    origins: Mapping[int, Origin],
    *,
    decoder: int,
) -> None:
    """Keep what was refused, with where its message came from."""
    with connection.cursor().copy(sql.get("readings.copy_refused")) as copy:
        copy.set_types(
            ["int8", "int2", "int2", "text", "text", "text", "timestamptz", "text", "int2"]
        )
        for one in refusals:
            origin = origins[one.landing]
            copy.write_row(
                (
                    *(one.landing, one.item, one.part, str(one.reason), storable(one.detail)),
                    *(origin.gateway, origin.received_at, storable(one.device), decoder),
                )
            )


def storable(text: str) -> str:
    """Return a text of unknown origin as PostgreSQL can hold it: every character but one."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def close_batches(
    connection: psycopg.Connection, accounts: dict[tuple[int, str], Accounting]
) -> None:
    """Take batches off the work list with their accounts by (batch, gateway).

    The database refuses an account that doesn't add up.
    """
    with connection.cursor().copy(sql.get("landing.copy_accounts")) as copy:
        copy.set_types(["int8", "text", *["int4"] * 6])
        for (batch, gateway), one in sorted(accounts.items()):
            copy.write_row((batch, gateway, *astuple(one)))
    batches = sorted({batch for batch, _ in accounts})
    connection.execute(sql.get("landing.close_batches"), {"batches": batches})


def account(
    connection: psycopg.Connection, *, gateway: str | None = None, after: int = 0
) -> Accounting:
    """Return what became of everything validated, of one gateway or all, after a batch."""
    row = connection.execute(
        sql.get("readings.accounting"), {"gateway": gateway, "after": after}
    ).fetchone()
    return Accounting(*row) if row else Accounting()
