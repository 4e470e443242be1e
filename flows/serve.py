"""The resident flows process: event-driven runs while readings come, schedules beside them.

PostgreSQL's NOTIFY wakes it at the receiver's commit; a poll is the fallback. With Prefect's
server down the same steps run without it, so that no patient waits for a dashboard.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import httpx
import psycopg
import structlog
from prefect import aserve, tags
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

import sql
from balise.errors import DatabaseDown
from balise.settings import Settings
from flows import asked, automations, clockwork, line, steps
from flows.clockwork import Due
from flows.listening import heard, notified
from flows.plans import PLANS, TAGS, Plan

_log = structlog.get_logger(__name__)
_RETRY_SECONDS, _LOOK_SECONDS = 2.0, 60.0
_REST_EVERY = 4
"""Of the starts of validate: a reading is looked for sooner than its figures, and each run costs a
quarter of a processor second in Prefect."""

_FEW_RETRIES = partial(temporary_settings, {PREFECT_CLIENT_MAX_RETRIES: 1})
"""Left to itself Prefect's client asks a server that is gone for a minute."""

Flow = Callable[[], Awaitable[object]]


class Behind(NamedTuple):
    """Whether validate has work, and whether a flow after it has."""

    landed: bool
    figures: bool


class Turns:
    """What runs next: a reading waits for one flow at most, and figures don't wait for ever.

    Times are seconds of one monotonic clock.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._readings_due = self._figures_due = -math.inf
        self._after = deque[Flow]()

    def take(self, now: float, behind: Behind) -> list[Flow]:
        """Return what to run before the next look: validate if due, and one of the others."""
        flows = list[Flow]()
        if behind.landed and now >= self._readings_due:
            self._readings_due = now + self._interval
            flows.append(line.FLOWS[0])
        if any(behind) and not self._after and now >= self._figures_due:
            self._figures_due = now + _REST_EVERY * self._interval
            self._after.extend(line.FLOWS[1:])
        return [*flows, self._after.popleft()] if self._after else flows

    def forget(self) -> None:
        """Leave out the others that were to run: all of it has been done."""
        self._after.clear()

    def rest(self, now: float, behind: Behind, poll: float) -> float:
        """Return for how long nothing will be due, where nothing else is heard of."""
        if behind.landed:
            return max(0.0, self._readings_due - now)
        return max(0.0, self._figures_due - now) if behind.figures else poll


async def serve(settings: Settings, *, schedules: bool = True) -> None:
    """Run until cancelled: the line on every landing, and its schedules."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_events(settings))
        for due in clockwork.DUE:
            group.create_task(_clock(settings, due))
        group.create_task(asked.serve(settings))
        if schedules:
            group.create_task(_schedules(settings))


async def _events(settings: Settings) -> None:
    while True:
        try:
            await _listen(settings)
        except (psycopg.OperationalError, DatabaseDown) as error:
            _log.warning("database_down", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)


async def _clock(settings: Settings, due: Due) -> None:
    """Do what a schedule of Prefect's should have done and did not; one waits for no other."""
    while True:
        await asyncio.to_thread(clockwork.make_up, settings, due)
        await asyncio.sleep(_LOOK_SECONDS)


async def _listen(settings: Settings) -> None:
    async with heard(settings.database_url, "flows.listen") as connection:
        turns = Turns(settings.flow_interval)
        while True:
            behind = await _behind(connection)
            if flows := turns.take(time.monotonic(), behind):
                if not await run_line(settings, flows):
                    turns.forget()
                continue
            rest = turns.rest(time.monotonic(), behind, settings.flow_poll)
            if behind.landed:
                await asyncio.sleep(rest)
            else:
                await notified(connection, rest)


async def _behind(connection: psycopg.AsyncConnection) -> Behind:
    row = await (await connection.execute(sql.get("flows.behind"))).fetchone()
    return Behind(bool(row[0]), bool(row[1])) if row else Behind(landed=False, figures=False)


async def run_line(settings: Settings, flows: Sequence[Flow]) -> bool:
    """Run flows in order if Prefect answers; all the steps without it, and False, if not."""
    try:
        with tags(*TAGS), _FEW_RETRIES():
            for one in flows:
                await one()
    # What Prefect raises where its server is unreachable, at the start of a run or at its end.
    except (httpx.HTTPError, RuntimeError, ConnectionError) as error:
        _log.warning("prefect_down", error=type(error).__name__)
        await asyncio.to_thread(steps.run_line, settings.database_url)
        return False
    return True


async def _schedules(settings: Settings) -> None:
    """Serve the schedules; Prefect's server may come and go."""
    me = asyncio.current_task()
    # What the runner meets while it is cancelled, a server that is gone, takes the place of that.
    while me and not me.cancelling():
        with _FEW_RETRIES(), suppress(httpx.HTTPError, RuntimeError, ConnectionError):
            await _automate(settings)
            await aserve(*await deployments(), print_starting_message=False)
        await asyncio.sleep(_RETRY_SECONDS)


async def _automate(settings: Settings) -> None:
    """Make the automations; a server that refuses them still serves the schedules."""
    try:
        await automations.ensure(settings)
    except httpx.HTTPStatusError as error:
        _log.warning("automations_refused", status=error.response.status_code)


async def deployments() -> list[RunnerDeployment]:
    """Return the plans as this process serves them: repairs of what an event missed, and silence.

    Prefect pauses what it serves when it stops, and would leave it so at the next start.
    """
    return [await _deployment(plan) for plan in PLANS]


async def _deployment(plan: Plan) -> RunnerDeployment:
    return await plan.flow.ato_deployment(
        "scheduled",
        schedule=plan.schedule,
        parameters=dict(plan.parameters),
        paused=False if plan.schedule else None,
        tags=TAGS,
        concurrency_limit=ConcurrencyLimitConfig(limit=plan.at_once),
    )
