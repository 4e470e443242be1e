"""The flows beside the line: delivery, retention once a night, and a backfill when it is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from balise.settings import Settings
from flows import backfill as portions
from flows import clockwork, delivery, report, spread
from flows import retention as keeping
from flows.aggregate import Recomputed
from flows.running import tell, with_database
from flows.work import Done, Waiting


@flow(name="retention", flow_run_name="retention")
async def retention(*, dry_run: bool = False) -> State[None]:
    """Drop payloads older than BALISE_RAW_MONTHS; what is still needed of them stays.

    Args:
        dry_run: Say what would be dropped, and drop nothing.

    """
    settings, now = Settings(), datetime.now(UTC)
    if dry_run:
        dropped = await with_database(
            "old days",
            lambda one: keeping.drop_old(one, now, months=settings.raw_months, dry_run=True),
        )
    else:
        dropped = await with_database(
            "old days", lambda one: clockwork.retention(one, settings, now)
        )
    before = Waiting(dropped.days, free=False)
    words = report.RETENTION_DRY if dry_run else report.RETENTION
    return await tell(words, Done(dropped, keeping.Dropped(), before, held=0))


@flow(name="deliver", flow_run_name="deliver")
async def deliver() -> State[None]:
    """Queue what is new for the FHIR server of BALISE_FHIR_URL, and send what is due."""
    settings, now = Settings(), datetime.now(UTC)
    done = await with_database("outbox", lambda one: clockwork.deliver(one, settings, now))
    if not settings.fhir_url:
        return Completed(message="BALISE_FHIR_URL is empty: nothing leaves")
    nothing = delivery.Delivered()
    before = Waiting(int(done != nothing), free=False)
    return await tell(report.DELIVER, Done(done, nothing, before, held=0))


@flow(name="backfill", flow_run_name="backfill {since} to {until}")
async def backfill(since: date, until: date, workers: int = 1) -> State[None]:
    """Aggregate the days of a period again; one that was cut short goes on from where it was.

    Args:
        since: The first day, in the patients' own time zones.
        until: The last day.
        workers: How many processes share the work; more than one need requirements/dask.txt.

    """
    portions.check(since, until)
    whole = await with_database("begin", lambda one: portions.begin(one, since, until))
    if workers > 1:
        done = await spread.over(whole, workers)
    else:
        done = await with_database("portions", lambda one: portions.share(one, whole))
    await with_database("finish", lambda one: portions.finish(one, whole))
    before = Waiting(done.windows, free=False, since=since, until=until)
    return await tell(report.BACKFILL, Done(done, Recomputed(), before, held=0))
