"""A clinical rule, declared: what it looks at, where it comes from, how it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum

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

    `figures` are what the reason's sentence says; `evidence` are the keys of the readings.
    """

    since: date
    period_start: datetime
    period_end: datetime
    severity: Severity
    figures: Figures = field(default_factory=dict[str, str | int])
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule may know besides the readings: the moment it judges, and the plan."""

    as_of: datetime
    today: date
    time_zone: str
    expected: dict[str, timedelta]
    enrolled_at: datetime
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`find` is pure: the readings of the last `days` days and the question, to what it found."""

    code: str
    version: int
    metrics: tuple[str, ...]
    days: int
    source: str
    find: Callable[[pl.DataFrame, Asked], Finding | None]
