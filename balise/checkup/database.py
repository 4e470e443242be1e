"""The database: there, with its schema and its guards, and with our time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

import sql
from balise.checkup import connected, names, row
from balise.errors import BaliseError
from balise.settings import Settings

_APART = timedelta(seconds=5)


def database(settings: Settings) -> str:
    """Say whether it answers with this version's schema."""
    with connected(settings) as connection:
        try:
            applied = {int(number) for number in names(connection, "migration.applied")}
        except psycopg.errors.UndefinedTable as error:
            raise BaliseError("the schema is missing: run `balise db migrate`") from error
        missing = names(connection, "doctor.extensions")
    ours = sql.migrations().keys()
    if newer := applied - ours:
        raise BaliseError(
            f"the schema is of a newer Balise (migration {max(newer)}): upgrade this program"
        )
    if behind := ours - applied:
        raise BaliseError(f"{len(behind)} migrations are missing: run `balise db migrate`")
    if missing:
        raise BaliseError(
            f"the extension {', '.join(missing)} is gone: CREATE EXTENSION as superuser, or restore"
        )
    return f"schema at {len(applied)}"


def clock(settings: Settings) -> str:
    """Say whether its clock is ours: receipts and alerts go by either."""
    with connected(settings) as connection:
        before = datetime.now(UTC)
        apart = abs(row(connection, "doctor.clock")[0] - before)
    if apart > _APART:
        raise BaliseError(
            f"the clocks of database and this machine are {apart.total_seconds():.0f} s apart:"
            " `timedatectl set-ntp true` on both"
        )
    return f"{apart.total_seconds():.1f} s apart"


def rights(settings: Settings) -> str:
    """Say whether the pages see of patients only whom their visitor follows."""
    with connected(settings) as connection:
        unguarded = names(connection, "doctor.unguarded")
        too_much = names(connection, "doctor.too_much")
        (inherits,) = row(connection, "doctor.inherits")
    if inherits:
        raise BaliseError(
            "the pages may more than they need: run ops/postgres/roles.sql as superuser"
        )
    if unguarded:
        raise BaliseError(
            f"row-level security is off on {', '.join(unguarded)}:"
            f" ALTER TABLE {unguarded[0]} ENABLE ROW LEVEL SECURITY"
        )
    if too_much:
        raise BaliseError(
            f"the pages may read {', '.join(too_much)} past what guards it:"
            f" REVOKE ALL ON {too_much[0]} FROM balise_web"
        )
    return "the pages see whom their visitor follows"
