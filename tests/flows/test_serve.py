"""What `balise flows serve` holds, and that nothing it listens to may be lost."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import pytest

from balise.settings import Settings
from bench.waiting import until_async
from flows import asked, line, serve
from flows.plans import PLANS
from sql import asked as wishes
from sql.refused import Which


async def test_every_flow_has_a_schedule_that_a_stop_does_not_end():
    served = await serve.deployments()
    assert {one.flow_name for one in served} == {plan.flow.name for plan in PLANS}
    assert {flow.name for flow in line.FLOWS} < {one.flow_name for one in served}
    for one, plan in zip(served, PLANS, strict=True):
        assert bool(one.schedules) == (plan.schedule is not None)
        if one.schedules:
            assert one.paused is False
        # Prefect keeps parameters as they are: never whose, never a value.
        assert set(one.parameters) <= {"everyone"}


EVERY = 1.2
NOTHING, LANDED, FIGURES = (
    serve.Behind(landed=False, figures=False),
    serve.Behind(landed=True, figures=False),
    serve.Behind(landed=False, figures=True),
)
BOTH = serve.Behind(landed=True, figures=True)
VALIDATE, AGGREGATE, ASSESS, SUMMARISE = line.FLOWS


def test_a_reading_of_a_quiet_line_goes_through_all_flows_at_once():
    turns = serve.Turns(EVERY)
    assert turns.take(100, NOTHING) == []
    assert turns.take(100, LANDED) == [VALIDATE, AGGREGATE]
    assert [turns.take(100.5, FIGURES) for _ in "12"] == [[ASSESS], [SUMMARISE]]
    assert turns.take(101, NOTHING) == []


def test_what_lands_meanwhile_waits_for_one_flow_and_none_of_the_others_for_ever():
    turns = serve.Turns(EVERY)
    turns.take(100, LANDED)
    # Each run takes longer than the interval, and something has landed whenever it is over.
    later = [turns.take(100 + 2 * turn, BOTH) for turn in range(1, 5)]
    assert later == [
        [VALIDATE, ASSESS],
        [VALIDATE, SUMMARISE],
        [VALIDATE, AGGREGATE],
        [VALIDATE, ASSESS],
    ]


def test_what_was_done_without_prefect_is_not_done_again():
    turns = serve.Turns(EVERY)
    turns.take(100, LANDED)
    turns.forget()
    assert turns.take(102, NOTHING) == []
    assert turns.take(103, LANDED) == [VALIDATE]


def test_validate_starts_at_each_interval_and_the_others_at_every_fourth():
    turns = serve.Turns(EVERY)
    begun = [
        (round(at / 10, 1), flow) for at in range(0, 100, 2) for flow in turns.take(at / 10, BOTH)
    ]
    assert [at for at, flow in begun if flow is VALIDATE] == [
        0,
        1.2,
        2.4,
        3.6,
        4.8,
        6.0,
        7.2,
        8.4,
        9.6,
    ]
    assert [at for at, flow in begun if flow is AGGREGATE] == [0, 4.8, 9.6]


@pytest.mark.parametrize(
    ("behind", "seconds"), [(LANDED, 0.2), (FIGURES, 3.8), (NOTHING, 15.0)], ids=str
)
def test_one_that_has_nothing_to_do_rests_until_something_is_due(
    behind: serve.Behind, seconds: float
):
    turns = serve.Turns(EVERY)
    turns.take(100, LANDED)
    assert turns.rest(101, behind, poll=15.0) == pytest.approx(seconds)
    assert turns.rest(200, LANDED, poll=15.0) == 0


def waiting(database: psycopg.Connection) -> int:
    row = database.execute(
        "SELECT count(*) FROM landing_batch WHERE validated_at IS NULL"
    ).fetchone()
    assert row
    return int(row[0])


@pytest.mark.stack
async def test_a_lost_notification_costs_a_poll_and_no_reading(
    database: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """A batch is committed as the receiver does, but without its NOTIFY."""
    # No Prefect server answers there: what is tried here is how a run begins, not what shows it.
    monkeypatch.setitem(os.environ, "BALISE_DATABASE_URL", database_url)
    begun: list[float] = []

    async def run_line(_settings: Settings, _flows: object) -> bool:
        begun.append(time.monotonic())
        await asyncio.to_thread(serve.steps.run_line, database_url)
        return True

    monkeypatch.setattr(serve, "run_line", run_line)
    settings = Settings(database_url=database_url, flow_poll=3, flow_interval=0.1)
    running = asyncio.create_task(serve.serve(settings, schedules=False))
    await asyncio.sleep(0.7)
    before = len(begun)
    database.execute(
        "WITH batch AS (INSERT INTO landing_batch (received_at, messages) VALUES (%(at)s, 1)"
        " RETURNING id) INSERT INTO landing (batch, received_at, gateway, topic, payload)"
        " SELECT id, %(at)s, 'home-one', 'balise/v1/home-one/frames', '{' FROM batch",
        {"at": datetime.now(UTC)},
    )
    await until_async(lambda: not waiting(database))
    assert len(begun) > before
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.stack
async def test_what_a_keeper_asks_for_is_done_at_once(
    database: psycopg.Connection, database_url: str
):
    """A poll of five minutes: it is the notification that is heard."""
    settings = Settings(database_url=database_url, flow_poll=300)
    running = asyncio.create_task(asked.serve(settings))
    await asyncio.sleep(0.7)
    number = wishes.ask(database, Which(reason="device_unknown"), who="keeper")
    answer = await asyncio.to_thread(wishes.answer, database, number, 180)
    assert answer == {"found": 0, "changed": 0, "still": 0, "more": False, "failed": False}
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
