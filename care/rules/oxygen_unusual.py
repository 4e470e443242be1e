"""Saturation low for this patient: the day's median under the mean of 7 days less 1.645 SD.

Source: Cooper 2020 (COPD 15:2005, 10.2147/COPD.S256907), there for lung function. A steady series
has a deviation near half a point: at least 2 points, an oximeter's accuracy, must lie between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from care.metrics.figure import rounded
from care.metrics.oxygen_saturation import POOR, limit
from care.readings import daily_medians, measured, newest
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

BEFORE, ENOUGH = 7, 5
STEP = Decimal(2)
"""So many points lower than when somebody saw or closed it are news."""
FLOOR = Limit(
    name="oxygen_unusual", value=Decimal(2), unit="%", lowest=Decimal(1), highest=Decimal(6)
)


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find an unusually low day: today or yesterday, the last one measured."""
    kept = readings.filter((pl.col("metric") == "oxygen_saturation") & measured(POOR))
    days = daily_medians(kept)
    last, floor = newest(days, asked.today), asked.limit(FLOOR)
    if last is None or not _unusual(days, last, floor):
        return None
    since = last
    while _unusual(days, since - timedelta(days=1), floor):
        since -= timedelta(days=1)
    usual = _usual(days, since)
    rests_on = kept.filter(pl.col("day").is_between(since - timedelta(days=BEFORE), last))
    return Finding.on(
        rests_on,
        since=since,
        severity=Severity.REVIEW,
        grades={"saturation": -days[last] / STEP},
        figures={
            "saturation": shown(days[last]),
            "usual": shown(rounded(Decimal(sum(usual)) / len(usual), 0)),
            "days": len(usual),
        },
    )


def _unusual(days: Mapping[date, Decimal], day: date, floor: Decimal) -> bool:
    """Say whether a day is low for the seven before it, by more than an oximeter's accuracy."""
    usual = _usual(days, day)
    if day not in days or len(usual) < ENOUGH:
        return False
    mean = Decimal(sum(usual)) / len(usual)
    return float(days[day]) < limit(usual) and mean - days[day] >= floor


def _usual(days: Mapping[date, Decimal], day: date) -> list[float]:
    before = (day - timedelta(days=back) for back in range(BEFORE, 0, -1))
    return [float(days[one]) for one in before if one in days]


RULE = Rule(
    code="oxygen_unusual",
    version=1,
    metrics=("oxygen_saturation",),
    days=3 * BEFORE,
    source="Cooper 2020 (10.2147/COPD.S256907): below the mean of 7 days - 1.645 SD",
    find=find,
    limits=(FLOOR,),
)
