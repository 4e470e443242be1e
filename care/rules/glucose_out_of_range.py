"""Glucose out of target: in two weeks of a sensor less than 70 % in range, or 4 % or more low.

Source: international consensus on time in range (Battelino 2019), adults. For the frail the plan
says less: 50 % in range, 1 % low.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import continuous_glucose as glucose
from care.metrics.figure import SHOWN, rounded
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

IN_RANGE = Limit(
    name="least_in_range", value=Decimal(70), unit="%", lowest=Decimal(30), highest=Decimal(95)
)
STEP_IN_RANGE, STEP_LOW = Decimal(10), Decimal(2)
"""So many % less in range, or more low, than when somebody saw or closed it are news."""
LOW = Limit(name="most_low", value=Decimal(4), unit="%", lowest=Decimal("0.5"), highest=Decimal(10))


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find it on the last day measured, of this week."""
    days: list[date] = readings.filter(pl.col("metric") == "interstitial_glucose")["day"].to_list()
    last = max(days, default=None)
    if last is None or asked.today - last > timedelta(days=7):
        return None
    kept = glucose.two_weeks(readings, last)
    if kept.height < glucose.enough(kept):
        return None
    shares = glucose.summary(kept["value"]).shares
    in_range = _percent(shares[glucose.Band.IN_RANGE])
    low = _percent(shares[glucose.Band.VERY_LOW] + shares[glucose.Band.LOW])
    if in_range >= asked.limit(IN_RANGE) and low < asked.limit(LOW):
        return None
    return Finding(
        since=_monday(last),
        period_start=kept["taken_at"][0],
        period_end=kept["taken_at"][-1],
        severity=Severity.REVIEW,
        grades={
            "in_range": -min(in_range, IN_RANGE.highest) / STEP_IN_RANGE,
            "low": max(low, LOW.lowest) / STEP_LOW,
        },
        figures={
            "in_range": shown(in_range),
            "low": shown(low),
            "least": shown(asked.limit(IN_RANGE)),
            "most": shown(asked.limit(LOW)),
        },
        evidence=tuple(kept["key"].tail(SHOWN)),
    )


def _percent(share: float) -> Decimal:
    return rounded(Decimal(share), 1)


def _monday(day: date) -> date:
    """Return the week's first day: the two weeks are judged once a week, one episode each."""
    return day - timedelta(days=day.weekday())


RULE = Rule(
    code="glucose_out_of_range",
    version=2,
    metrics=("interstitial_glucose",),
    days=21,
    source="international consensus on time in range (Battelino 2019): 70 % in range, 4 % low",
    find=find,
    limits=(IN_RANGE, LOW),
)
