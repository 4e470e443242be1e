"""Home blood pressure over threshold: the ESH7 mean is 135 mm[Hg] or more, or 85 or more."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import home_blood_pressure as protocol
from care.metrics.figure import rounded
from care.rules.rule import Asked, Finding, Rule, Severity

SYSTOLIC_LIMIT = Decimal(135)
DIASTOLIC_LIMIT = Decimal(85)
DAYS = 28


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find a mean over threshold on the last day measured, within the protocol's week."""
    last = _last_day(readings)
    if last is None or (asked.today - last).days >= protocol.DAYS:
        return None
    found = _over(readings, last)
    if found is None:
        return None
    kept = protocol.series(readings, last)
    return Finding(
        since=_since(readings, last),
        period_start=kept["taken_at"][0],
        period_end=kept["taken_at"][-1],
        severity=Severity.REVIEW,
        figures={
            "systolic": str(rounded(found.systolic, 0)),
            "diastolic": str(rounded(found.diastolic, 0)),
            "n": found.n,
            "systolic_limit": str(SYSTOLIC_LIMIT),
            "diastolic_limit": str(DIASTOLIC_LIMIT),
        },
        evidence=found.evidence,
    )


def _over(readings: pl.DataFrame, last: date) -> protocol.Mean | None:
    found = protocol.mean(readings, last)
    if found is None:
        return None
    # The rounded figure is the one shown: page and rule must never disagree.
    systolic, diastolic = rounded(found.systolic, 0), rounded(found.diastolic, 0)
    over = systolic >= SYSTOLIC_LIMIT or diastolic >= DIASTOLIC_LIMIT
    return found if over else None


def _last_day(readings: pl.DataFrame) -> date | None:
    of_systolic = readings.filter(pl.col("metric") == "systolic_blood_pressure")
    days: list[date] = of_systolic["day"].to_list()
    return max(days, default=None)


def _since(readings: pl.DataFrame, last: date) -> date:
    """Return the first day of the unbroken run of days whose mean was over threshold."""
    since = last
    for back in range(1, DAYS):
        day = last - timedelta(days=back)
        if _over(readings, day) is None:
            break
        since = day
    return since


RULE = Rule(
    code="home_blood_pressure",
    version=1,
    metrics=("systolic_blood_pressure", "diastolic_blood_pressure"),
    days=DAYS + protocol.DAYS,
    source="ESH home blood pressure: 135/85 mm[Hg] (J Clin Hypertens 2018;20:1116, table 3)",
    find=find,
)
