"""Work under Prefect: in a thread, tried again where a server was away, told at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from balise import telemetry
from balise.database import needed
from balise.errors import BaliseError, BrokerDown, DatabaseDown
from balise.failures import failed
from balise.settings import Settings
from flows import report
from flows.report import Words
from flows.work import Done
from sql.roles import Role, connect

MAY_PASS = (DatabaseDown, BrokerDown, OSError)
"""What may be over in a moment. Anything else would fail again, and stays in the work list."""
RETRIES = 4
BACKOFF_SECONDS = 2.0

Answer = TypeVar("Answer")


async def may_pass(_task: object, _run: object, state: State[Any]) -> bool:
    """Say whether a failure is worth another try: never one of decoding or of our own."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, MAY_PASS)


# Neither cached nor kept: a result of Prefect's is a pickle on a disk, and correctness is the
# database's.
@task(
    task_run_name="{what}",
    retries=RETRIES,
    retry_delay_seconds=exponential_backoff(BACKOFF_SECONDS),
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def with_database(what: str, work: Callable[[psycopg.Connection], Answer]) -> Answer:
    """Do work on the database in a thread, so that heartbeats go on meanwhile."""

    def connected() -> Answer:
        url = Settings().database_url
        with telemetry.span(what), needed(), connect(url, Role.FLOWS) as connection:
            return work(connection)

    try:
        return await asyncio.to_thread(connected)
    except (BaliseError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - Prefect would keep its text, with what it holds
        raise failed(error) from None


async def tell(words: Words, done: Done[Any]) -> State[None]:
    """Name the run by its window and say what it did: in its log, its state, its artifacts."""
    run_name = report.name(words, done.before, datetime.now(UTC))
    said = report.message(words, done)
    get_run_logger().info("%s: %s", run_name, said)
    await rename(run_name)
    if done.counts != done.nothing or done.held:
        await _keep(words, done, run_name, said)
    return Completed(message=said)


async def _keep(words: Words, done: Done[Any], run_name: str, said: str) -> None:
    rows, page = report.table(words, done), report.markdown(words, done, run_name)
    await acreate_table_artifact(table=rows, key=f"{words.key}-accounting", description=said)
    await acreate_markdown_artifact(markdown=page, key=f"{words.key}-report", description=said)


async def rename(run_name: str) -> None:
    """Give the run in which this is called another name."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        async with get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=run_name)
