"""The line's ear at the database: told at a commit, and looking where nothing was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

import sql
from sql.roles import Role, options


@asynccontextmanager
async def heard(database_url: str, channel: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Give a connection of the line that listens; `channel` is the query that has it do so."""
    async with await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, options=options(Role.FLOWS)
    ) as connection:
        await connection.execute(sql.get(channel))
        yield connection


async def notified(connection: psycopg.AsyncConnection, poll: float) -> None:
    """Wait for a notification; one that never came costs the seconds of a poll."""
    async for _ in connection.notifies(timeout=poll, stop_after=1):
        return
