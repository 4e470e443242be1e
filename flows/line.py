"""The four flows of the line: validate, aggregate, assess, summarise.

Each repeats its step until nothing is left but what other runs hold, and ends with its accounting:
as the run's state, in its log and as artifacts. They are async because a synchronous Prefect run
costs a second, and take no patient, value or secret as parameter: Prefect stores parameters. Its
form shows what stands under `Args:`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow
from prefect.client.schemas.objects import State

from balise.settings import Settings
from flows import abreast, clockwork, judging, report
from flows.aggregate import Recomputed, recompute
from flows.running import tell, with_database
from flows.work import work_off


@flow(name="validate", flow_run_name="validate")
async def validate() -> State[None]:
    """Landing to readings and refusals: landed = accepted + duplicate + refused."""
    done = await with_database(
        "batches to readings",
        lambda connection: abreast.validate(connection, Settings().database_url),
    )
    return await tell(report.VALIDATE, done)


@flow(name="aggregate", flow_run_name="aggregate")
async def aggregate() -> State[None]:
    """Windows with new readings to hourly and daily rollups."""
    done = await with_database(
        "windows to rollups",
        lambda connection: work_off(connection, "flows.waiting_windows", recompute, Recomputed()),
    )
    return await tell(report.AGGREGATE, done)


@flow(name="assess", flow_run_name="assess")
async def assess(*, everyone: bool = False) -> State[None]:
    """Rules to signals, for patients with new readings.

    Args:
        everyone: Judge patients without a new reading too: silence is an alert.

    """
    now = datetime.now(UTC)
    if everyone:
        judged = await with_database(
            "every patient", lambda connection: clockwork.assess(connection, now)
        )
    else:
        judged = judging.Judged()
    done = await with_database(
        "patients to signals",
        lambda connection: work_off(
            connection,
            "flows.waiting_to_assess",
            lambda one: judging.assess(one, now),
            judging.Judged(),
        ),
    )
    return await tell(report.ASSESS, done.after(judged))


@flow(name="summarise", flow_run_name="summarise")
async def summarise() -> State[None]:
    """Clinical figures to one summary a patient, pathway and period."""
    now = datetime.now(UTC)
    done = await with_database(
        "patients to summaries",
        lambda connection: work_off(
            connection,
            "flows.waiting_to_summarise",
            lambda one: judging.summarise(one, now),
            judging.Judged(),
        ),
    )
    return await tell(report.SUMMARISE, done)


FLOWS = (validate, aggregate, assess, summarise)
"""The flows in the line's order."""
