"""Serious hypoglycaemia: a drop of blood below 54 mg/dL, or the sensor below it for 15 minutes.

Source: ATTD consensus (Danne 2017): level 2, which asks for action at once. The decree asks for the
doctor's own limit.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl

from care.metrics.glucose_episodes import STEP, episodes
from care.readings import measured
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

SERIOUS = Limit(
    name="low_glucose", value=Decimal(54), unit="mg/dL", lowest=Decimal(50), highest=Decimal(80)
)
RECENT = timedelta(hours=24)
"""An episode is told for a day; the summary counts those before."""


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find serious hypoglycaemia in the last 24 hours: the lowest value of it."""
    below = asked.limit(SERIOUS)
    recent = readings.filter(measured() & (pl.col("taken_at") > asked.as_of - RECENT))
    sensor = recent.filter(pl.col("metric") == "interstitial_glucose")
    told = [
        recent.filter((pl.col("metric") == "blood_glucose") & (pl.col("value") < below)),
        *(
            sensor.filter(pl.col("taken_at").is_between(one.start, one.end - STEP))
            for one in episodes(sensor, below)
        ),
    ]
    rests_on = pl.concat(told).sort("taken_at")
    if rests_on.is_empty():
        return None
    lowest = rests_on.sort("value", "taken_at").row(0, named=True)
    return Finding(
        since=rests_on["day"][0],
        period_start=rests_on["taken_at"][0],
        period_end=rests_on["taken_at"][-1],
        severity=Severity.PRIORITY,
        figures={
            "metric": lowest["metric"],
            "value": shown(lowest["value"]),
            "limit": shown(below),
        },
        evidence=tuple(rests_on["key"]),
    )


RULE = Rule(
    code="low_glucose",
    version=1,
    metrics=("interstitial_glucose", "blood_glucose"),
    days=2,
    source="ATTD consensus (Danne 2017): below 54 mg/dL, a sensor for 15 minutes",
    find=find,
    limits=(SERIOUS,),
)
