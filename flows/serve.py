"""The resident flows process: event-driven runs while readings come, schedules beside them.

PostgreSQL's NOTIFY wakes it at the receiver's commit; a poll is the fallback. With Prefect's
server down the same steps run without it, so that no patient waits for a dashboard.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import structlog
from prefect import Flow, aserve
from prefect.deployments.runner import RunnerDeployment

import sql
from balise.settings import Settings
from flows import line, steps

_log = structlog.get_logger(__name__)
_POLL_SECONDS = 15.0
_RETRY_SECONDS = 2.0


async def serve(settings: Settings, *, schedules: bool = True) -> None:
    """Run until cancelled: the line on every landing, and its schedules."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_events(settings))
        if schedules:
            group.create_task(_schedules())


async def _events(settings: Settings) -> None:
    while True:
        try:
            await _listen(settings)
        except psycopg.OperationalError as error:
            _log.warning("database_down", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)


async def _listen(settings: Settings) -> None:
    async with await psycopg.AsyncConnection.connect(
        settings.database_url, autocommit=True
    ) as connection:
        await connection.execute(sql.get("flows.listen"))
        while True:
            if await _behind(connection):
                await run_line(settings)
                await asyncio.sleep(settings.flow_interval)
            else:
                await _next_landing(connection)


async def _behind(connection: psycopg.AsyncConnection) -> bool:
    row = await (await connection.execute(sql.get("flows.behind"))).fetchone()
    return row is not None and bool(row[0])


async def _next_landing(connection: psycopg.AsyncConnection) -> None:
    async for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
        return


async def run_line(settings: Settings) -> None:
    """Run the four flows in order, with Prefect if its server answers, without it if not."""
    try:
        for one in line.FLOWS:
            await one()
    # What Prefect raises where its server is unreachable, at the start of a run or at its end.
    except (httpx.HTTPError, RuntimeError, ConnectionError) as error:
        _log.warning("prefect_down", error=type(error).__name__)
        await asyncio.to_thread(steps.run_line, settings.database_url)


async def _schedules() -> None:
    """Serve the schedules; Prefect's server may come and go."""
    while True:
        with suppress(httpx.HTTPError, RuntimeError, ConnectionError):
            await aserve(*await deployments(), print_starting_message=False)
        await asyncio.sleep(_RETRY_SECONDS)


async def deployments() -> list[RunnerDeployment]:
    """Return the line's schedules: repairs of what an event missed, and silence.

    Prefect pauses what it serves when it stops, and would leave it so at the next start.
    """
    every: tuple[tuple[Flow[..., Any], timedelta, dict[str, Any]], ...] = (
        (line.validate, timedelta(minutes=5), {}),
        (line.aggregate, timedelta(minutes=15), {}),
        (line.assess, timedelta(minutes=15), {"everyone": True}),
        (line.summarise, timedelta(hours=1), {}),
    )
    return [
        await flow.ato_deployment(
            "scheduled", interval=interval, parameters=parameters, paused=False, tags=["balise"]
        )
        for flow, interval, parameters in every
    ]
