"""What keepers ask for by a page, done as the line: the pages may not read a message again."""

from __future__ import annotations

import asyncio

import psycopg
import structlog

from balise.errors import ReplayRuns
from balise.failures import failed
from balise.settings import Settings
from flows import replay
from flows.differences import Kind
from flows.listening import heard, notified
from flows.replay import Hand, Report
from sql import asked
from sql.roles import Role, connect
from sql.rows import Row

_log = structlog.get_logger(__name__)
_RETRY_SECONDS = 2.0

AT_ONCE = 500
"""Messages that one click reads again: whoever clicked waits for the answer."""


async def serve(settings: Settings) -> None:
    """Do what is asked for until cancelled, also what was asked for meanwhile."""
    while True:
        try:
            await _listen(settings)
        except psycopg.Error as error:
            _log.warning("asked_later", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)


async def _listen(settings: Settings) -> None:
    async with heard(settings.database_url, "asked.listen") as connection:
        while True:
            await asyncio.to_thread(_work, settings.database_url)
            await notified(connection, settings.flow_poll)


def _work(database_url: str) -> None:
    with connect(database_url, Role.FLOWS) as connection:
        work(connection)


def work(connection: psycopg.Connection) -> int:
    """Do what is asked for, and return how much it was; what another replay keeps from it waits.

    One process at a time. What fails is told, and is tried twice more: it holds up no other.
    """
    count = 0
    with asked.alone(connection) as alone:
        while alone and (wish := asked.take(connection)):
            try:
                report = replay.replay(connection, _meant(wish), _hand(wish), limit=AT_ONCE)
            except ReplayRuns:
                asked.wait(connection, wish["id"])
                break
            except Exception as error:  # noqa: BLE001 - it must not end the line
                _log.error("asked_failed", wish=wish["id"], why=str(failed(error)))
                break  # what is over in a moment is over by the next look
            _answer(connection, wish, report)
            count += 1
    return count


def _hand(wish: Row) -> Hand:
    return Hand(who=wish["who"], why="")


def _meant(wish: Row) -> replay.Asked:
    if wish["landing"] is None:
        return replay.Asked(refused=True, reason=wish["reason"])
    return replay.Asked(messages=(wish["landing"],))


def _answer(connection: psycopg.Connection, wish: Row, report: Report) -> None:
    asked.done(
        connection,
        wish["id"],
        found=report.of(Kind.NEW),
        changed=report.of(Kind.CHANGED, Kind.REPLACED, Kind.NOW_REFUSED),
        still=report.of(Kind.STILL_REFUSED, Kind.OTHER_REASON),
        more=not report.finished,
    )
