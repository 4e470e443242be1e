"""When flows run: on the days the clock changes too, and the same for `serve` and for workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.schedules import Schedule
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

from flows.plans import ANCHOR, PLANS, TAGS, Plan

PARIS = ZoneInfo("Europe/Paris")
YAML: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "prefect.yaml").read_text()
)
CHANGES = {
    "25 hours": datetime(2026, 10, 25, tzinfo=PARIS),
    "23 hours": datetime(2027, 3, 28, tzinfo=PARIS),
    "24 hours": datetime(2026, 11, 25, tzinfo=PARIS),
}


def of_server(schedule: Schedule) -> CronSchedule | IntervalSchedule:
    """Return the schedule as Prefect's server computes it."""
    if schedule.cron:
        return CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    assert schedule.interval
    return IntervalSchedule(
        interval=schedule.interval, anchor_date=schedule.anchor_date, timezone=schedule.timezone
    )


async def runs(schedule: CronSchedule | IntervalSchedule, day: datetime) -> list[datetime]:
    """Return every moment of a local day at which the server starts a run, in UTC."""
    start = day.astimezone(UTC)
    end = (day + timedelta(days=1)).astimezone(UTC)
    found = await schedule.get_dates(n=2000, start=start, end=end - timedelta(seconds=1))
    return [one.astimezone(UTC) for one in found]


SCHEDULED = [(plan, plan.schedule) for plan in PLANS if plan.schedule]


@pytest.mark.parametrize("day", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize(
    ("plan", "schedule"), SCHEDULED, ids=[plan.flow.name for plan, _ in SCHEDULED]
)
async def test_no_run_is_left_out_or_doubled_where_the_clock_changes(
    plan: Plan, schedule: Schedule, day: datetime
):
    found = await runs(of_server(schedule), day)
    start, end = (one.astimezone(UTC) for one in (day, day + timedelta(days=1)))
    if schedule.cron:
        assert schedule.timezone == "Europe/Paris"
        assert [one.astimezone(PARIS).strftime("%H:%M") for one in found] == ["03:30"]
    else:
        assert schedule.interval
        count = (end - start) // schedule.interval
        assert found == [start + number * schedule.interval for number in range(count)]


async def test_why_intervals_are_not_in_paris():
    """A fact about Prefect: the day it fails, they may be."""
    paris = IntervalSchedule(
        interval=timedelta(minutes=5), anchor_date=ANCHOR, timezone="Europe/Paris"
    )
    found = await runs(paris, CHANGES["25 hours"])
    assert len(found) == 24 * 12
    assert max(b - a for a, b in pairwise(found)) > timedelta(hours=1)


def test_prefect_yaml_says_the_same_as_serve():
    assert [one["entrypoint"] for one in YAML["deployments"]] == [
        f"{plan.flow.fn.__module__}.{plan.flow.fn.__name__}" for plan in PLANS
    ]
    for one, plan in zip(YAML["deployments"], PLANS, strict=True):
        assert one["parameters"] == dict(plan.parameters)
        assert one["concurrency_limit"] == plan.at_once
        assert one["tags"] == TAGS
        assert one["work_pool"]["name"] == "balise"
        said = [schedule_of(schedule) for schedule in one["schedules"]]
        assert said == ([in_short(plan.schedule)] if plan.schedule else [])


def schedule_of(said: dict[str, Any]) -> tuple[Any, ...]:
    if "cron" in said:
        return said["cron"], said["timezone"]
    anchor = datetime.fromisoformat(said["anchor_date"])
    return timedelta(seconds=said["interval"]), anchor, said["timezone"]


def in_short(schedule: Schedule) -> tuple[Any, ...]:
    if schedule.cron:
        return schedule.cron, schedule.timezone
    return schedule.interval, schedule.anchor_date, schedule.timezone
