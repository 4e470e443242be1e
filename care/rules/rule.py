"""A clinical rule, declared: what it looks at, its limits, where it comes from, how it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Self

import polars as pl

Figures = dict[str, str | int]


class Severity(IntEnum):
    """How soon somebody should look; the worklist is sorted by it."""

    DATA = 1
    REVIEW = 2
    PRIORITY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule holds: since which local day, on which figures, on which readings.

    `open_ended`: it began with the first that the rule looks at, or before; `since` moves with the
    days then, and the episode is the one that is known. `grades` say how grave it is, each figure
    in steps of its own: what somebody saw or closed is news where one of them is a step further.
    `figures` are what the reason's sentence says; `evidence` are the keys of the readings.
    """

    since: date
    period_start: datetime
    period_end: datetime
    severity: Severity
    grades: Mapping[str, Decimal]
    open_ended: bool = False
    figures: Figures = field(default_factory=dict[str, str | int])
    evidence: tuple[str, ...] = ()

    @classmethod
    def on(
        cls,
        readings: pl.DataFrame,
        *,
        since: date,
        severity: Severity,
        grades: Mapping[str, Decimal],
        figures: Figures,
    ) -> Self:
        """Return what rests on these readings, in the order of time: all of them are evidence."""
        return cls(
            since=since,
            period_start=readings["taken_at"][0],
            period_end=readings["taken_at"][-1],
            severity=severity,
            grades=grades,
            figures=figures,
            evidence=tuple(readings["key"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a rule compares with: `value` unless the patient's plan says otherwise.

    A plan may say anything from `lowest` to `highest`: what lies outside is a slip of the pen, and
    so is half of what is `whole`. `drawn_on` are the metrics whose charts show it, of whose own
    values it is one. Where `value` is `highest` nothing is beyond it: the rule is off until a plan
    says otherwise.
    """

    name: str
    value: Decimal
    unit: str
    lowest: Decimal
    highest: Decimal
    whole: bool = False
    drawn_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule may know besides the readings: the moment it judges, and the patient's plan.

    `resumed_at` is when the last pause ended: nothing is expected of the time before.
    """

    as_of: datetime
    today: date
    time_zone: str
    expected: dict[str, timedelta]
    enrolled_at: datetime
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    limits: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    protocol: str = ""
    paused: bool = False
    resumed_at: datetime | None = None

    def limit(self, one: Limit) -> Decimal:
        """Return the plan's limit, the rule's own where the plan says nothing."""
        return self.limits.get(one.name, one.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`find` is pure: the readings of the last `days` days and the question, to what it found."""

    code: str
    version: int
    metrics: tuple[str, ...]
    days: int
    source: str
    find: Callable[[pl.DataFrame, Asked], Finding | None]
    limits: tuple[Limit, ...] = ()


def shown(value: Decimal) -> str:
    """Return a figure as a reason says it: without zeros that say nothing, never as 1E+2."""
    return f"{value.normalize():f}"
