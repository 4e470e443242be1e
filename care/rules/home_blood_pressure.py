"""Home blood pressure over threshold: the protocol's mean is 135 mm[Hg] or more, or 85 or more."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import home_blood_pressure as protocols
from care.metrics.figure import rounded
from care.metrics.home_blood_pressure import Protocol
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

SYSTOLIC = Limit(
    name="mean_systolic_blood_pressure",
    value=protocols.HIGH[protocols.SYSTOLIC],
    unit="mm[Hg]",
    lowest=Decimal(110),
    highest=Decimal(180),
    drawn_on=(protocols.SYSTOLIC,),
)
DIASTOLIC = Limit(
    name="mean_diastolic_blood_pressure",
    value=protocols.HIGH[protocols.DIASTOLIC],
    unit="mm[Hg]",
    lowest=Decimal(60),
    highest=Decimal(120),
    drawn_on=(protocols.DIASTOLIC,),
)
DAYS = 28
STEPS = Decimal(10), Decimal(5)
"""So many mm[Hg] more than when somebody saw or closed it are news, systolic and diastolic."""


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find a mean over threshold on the last day measured, within the protocol's days."""
    protocol = protocols.PROTOCOLS.get(asked.protocol, protocols.ESH7)
    limits = asked.limit(SYSTOLIC), asked.limit(DIASTOLIC)
    last = _last_day(readings)
    if last is None or (asked.today - last).days >= protocol.days:
        return None
    found = _over(readings, last, protocol, limits)
    if found is None:
        return None
    kept = protocols.series(readings, last, protocol)
    since = _since(readings, last, protocol, limits)
    return Finding(
        since=since,
        open_ended=(last - since).days == DAYS - 1,
        period_start=kept["taken_at"][0],
        period_end=kept["taken_at"][-1],
        severity=Severity.REVIEW,
        grades={
            # By what any plan may set and not by this one: a new limit is no news of the patient.
            "systolic": max(rounded(found.systolic, 0), SYSTOLIC.lowest) / STEPS[0],
            "diastolic": max(rounded(found.diastolic, 0), DIASTOLIC.lowest) / STEPS[1],
        },
        figures={
            "systolic": str(rounded(found.systolic, 0)),
            "diastolic": str(rounded(found.diastolic, 0)),
            "n": found.n,
            "systolic_limit": shown(limits[0]),
            "diastolic_limit": shown(limits[1]),
            "protocol": protocol.code,
        },
        evidence=found.evidence,
    )


def _over(
    readings: pl.DataFrame, last: date, protocol: Protocol, limits: tuple[Decimal, Decimal]
) -> protocols.Mean | None:
    found = protocols.mean(readings, last, protocol)
    if found is None:
        return None
    # The rounded figure is the one shown: page and rule must never disagree.
    means = rounded(found.systolic, 0), rounded(found.diastolic, 0)
    over = any(mean >= limit for mean, limit in zip(means, limits, strict=True))
    return found if over else None


def _last_day(readings: pl.DataFrame) -> date | None:
    of_systolic = protocols.by_session(readings).filter(pl.col("metric") == protocols.SYSTOLIC)
    days: list[date] = of_systolic["day"].to_list()
    return max(days, default=None)


def _since(
    readings: pl.DataFrame, last: date, protocol: Protocol, limits: tuple[Decimal, Decimal]
) -> date:
    """Return the first day of the unbroken run of days whose mean was over threshold."""
    since = last
    for back in range(1, DAYS):
        day = last - timedelta(days=back)
        if _over(readings, day, protocol, limits) is None:
            break
        since = day
    return since


RULE = Rule(
    code="home_blood_pressure",
    version=2,
    metrics=(protocols.SYSTOLIC, protocols.DIASTOLIC),
    days=DAYS + max(one.days for one in protocols.PROTOCOLS.values()),
    source="ESH home blood pressure: 135/85 mm[Hg] (J Clin Hypertens 2018;20:1116, table 3)",
    find=find,
    limits=(SYSTOLIC, DIASTOLIC),
)
