"""The four flows of the line: validate, aggregate, assess, summarise.

Each repeats its step until nothing is left and ends with its accounting: as the run's state, in
its log and as an artifact. They are async because a synchronous Prefect run costs a second, and
take no patient, value or secret as parameter: Prefect stores parameters as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from prefect import flow, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from balise.settings import Settings
from flows import steps
from sql.readings import Accounting

Done = TypeVar("Done", bound=steps.Sum)
Step = Callable[[psycopg.Connection], Done]


@flow(name="validate", flow_run_name="validate")
async def validate() -> State[None]:
    """Landing to readings and refusals: landed = accepted + duplicate + refused."""
    return await _report("validate", await _drain(steps.validate, Accounting()))


@flow(name="aggregate", flow_run_name="aggregate")
async def aggregate() -> State[None]:
    """Windows with new readings to hourly and daily rollups."""
    return await _report("aggregate", await _drain(steps.aggregate, steps.Recomputed()))


@flow(name="assess", flow_run_name="assess")
async def assess(*, everyone: bool = False) -> State[None]:
    """Rules to signals; `everyone` also judges patients without a new reading, for silence."""
    now = datetime.now(UTC)
    done = await _once(lambda connection: steps.assess(connection, now, everyone=everyone))
    done += await _drain(lambda connection: steps.assess(connection, now), steps.Judged())
    return await _report("assess", done)


@flow(name="summarise", flow_run_name="summarise")
async def summarise() -> State[None]:
    """Clinical figures to one summary a patient, pathway and period."""
    now = datetime.now(UTC)
    done = await _drain(lambda connection: steps.summarise(connection, now), steps.Judged())
    return await _report("summarise", done)


FLOWS = (validate, aggregate, assess, summarise)
"""The flows in the line's order."""


async def _drain(step: Step[Done], nothing: Done) -> Done:
    """Run the step in a thread until it finds nothing, so that heartbeats go on meanwhile."""

    def work() -> Done:
        with psycopg.connect(Settings().database_url, autocommit=True) as connection:
            return steps.drain(lambda: step(connection), nothing)

    return await asyncio.to_thread(work)


async def _once(step: Step[Done]) -> Done:
    def work() -> Done:
        with psycopg.connect(Settings().database_url, autocommit=True) as connection:
            return step(connection)

    return await asyncio.to_thread(work)


async def _report(name: str, done: Accounting | steps.Recomputed | steps.Judged) -> State[None]:
    """Say what the run did: counts only, never whose."""
    counts = asdict(done)
    message = ", ".join(f"{key} {count}" for key, count in counts.items())
    get_run_logger().info("%s: %s", name, message)
    if any(counts.values()):
        await acreate_table_artifact(table=[counts], key=f"{name}-accounting", description=message)
        return Completed(message=message)
    return Completed(message="nothing to do")
