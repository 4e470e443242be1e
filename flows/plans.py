"""When each flow runs by itself, as data: `serve` and prefect.yaml say the same of it.

What runs more than once a day has an interval in UTC: in a zone with summer time Prefect 3.9.1
leaves out the hour that comes twice in October. What runs once a day is at a Paris hour that every
day has once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow
from prefect.schedules import Cron, Interval, Schedule

from flows import housekeeping, line

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = ["balise"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A flow's deployment; `at_once` runs of it may run at once, for the machine's sake alone."""

    flow: Flow[..., Any]
    schedule: Schedule | None
    at_once: int
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _every(minutes: int) -> Schedule:
    return Interval(timedelta(minutes=minutes), anchor_date=ANCHOR, timezone="UTC")


PLANS = (
    Plan(line.validate, _every(5), at_once=2),
    Plan(line.aggregate, _every(15), at_once=2),
    Plan(line.assess, _every(15), at_once=1, parameters={"everyone": True}),
    Plan(line.summarise, _every(60), at_once=1),
    Plan(housekeeping.deliver, _every(15), at_once=1),
    Plan(
        housekeeping.retention,
        Cron("30 3 * * *", timezone="Europe/Paris"),
        at_once=1,
    ),
    Plan(housekeeping.backfill, None, at_once=1),
)
