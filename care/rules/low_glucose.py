"""Level 2 hypoglycaemia: a drop of blood below 54 mg/dL, or the sensor below it for 15 minutes.

Source: ATTD consensus (Danne 2017): level 2, which asks for action at once. The decree asks for the
doctor's own limit.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl

from care.metrics.glucose_episodes import episodes
from care.readings import measured
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

SERIOUS = Limit(
    name="low_glucose",
    value=Decimal(54),
    unit="mg/dL",
    lowest=Decimal(50),
    highest=Decimal(80),
    drawn_on=("interstitial_glucose", "blood_glucose"),
)
STEP = Decimal(5)
"""So many mg/dL lower than when somebody saw or closed it are news."""
RECENT = timedelta(days=3)
"""How long an episode is told: a weekend must not hide it. The summary counts those before."""


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find the last serious hypoglycaemia, of a drop of blood or of a sensor's episode."""
    below = asked.limit(SERIOUS)
    told = _episodes(readings.filter(measured()), below)
    if not told:
        return None
    rests_on = max(told, key=lambda one: one["taken_at"][-1])
    if asked.as_of - rests_on["taken_at"][-1] > RECENT:
        return None
    lowest = rests_on.sort("value", "taken_at").row(0, named=True)
    return Finding.on(
        rests_on,
        since=rests_on["day"][0],
        severity=Severity.PRIORITY,
        grades={"lowest": -lowest["value"] / STEP},
        figures={
            "metric": lowest["metric"],
            "value": shown(lowest["value"]),
            "limit": shown(below),
        },
    )


def _episodes(readings: pl.DataFrame, below: Decimal) -> list[pl.DataFrame]:
    """Return the readings of each low drop of blood, and of each episode of the sensor."""
    drops = readings.filter((pl.col("metric") == "blood_glucose") & (pl.col("value") < below))
    sensor = readings.filter(pl.col("metric") == "interstitial_glucose")
    spans = [(one.start, one.last) for one in episodes(sensor, below)]
    return [
        *(drops.slice(place, 1) for place in range(drops.height)),
        *(sensor.filter(pl.col("taken_at").is_between(*span)) for span in spans),
    ]


RULE = Rule(
    code="low_glucose",
    version=2,
    metrics=("interstitial_glucose", "blood_glucose"),
    days=5,
    source="ATTD consensus (Danne 2017): below 54 mg/dL, a sensor for 15 minutes",
    find=find,
    limits=(SERIOUS,),
)
