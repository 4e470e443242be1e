"""Hypoglycaemic episodes of a sensor: at least 15 minutes below, ended by 15 minutes back.

Source: ATTD consensus (Danne 2017), table 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import continuous_glucose
from care.metrics.figure import Basis, Figure

LEVELS = {"glucose_episodes_below_70": Decimal(70), "glucose_episodes_below_54": Decimal(54)}
"""mg/dL: level 1, and level 2, which asks for action at once."""
LASTS = timedelta(minutes=15)
PROLONGED = timedelta(minutes=120)
GAP = timedelta(minutes=45)
"""Nothing is supposed of what lies between readings further apart: it ends an episode."""
SOURCE = "ATTD consensus: 15 minutes below, ended by 15 minutes back"


@dataclass(frozen=True, slots=True)
class Episode:
    """From the first reading below to the last one, whose time counts."""

    start: datetime
    end: datetime

    @property
    def prolonged(self) -> bool:
        """Two hours or more."""
        return self.end - self.start >= PROLONGED


def episodes(readings: pl.DataFrame, below: Decimal, step: timedelta) -> list[Episode]:
    """Return the episodes in readings of one sensor, in the order of time.

    A reading stands for one `step`: until the sensor measures again.
    """
    found: list[Episode] = []
    run: Episode | None = None
    for at, value in readings.sort("taken_at").select("taken_at", "value").iter_rows():
        if run and _ended(run, at + step, back=value >= below):
            found.append(run)
            run = None
        if value < below:
            run = Episode(run.start if run else at, at + step)
    return [one for one in (*found, run) if one and one.end - one.start >= LASTS]


def _ended(run: Episode, until: datetime, *, back: bool) -> bool:
    """Say whether an episode was over before, or is with, a reading that stands until a moment.

    One that has not lasted yet ends with the first reading back: it never began.
    """
    lasts, since = run.end - run.start >= LASTS, until - run.end
    return since > GAP or (back and (not lasts or since >= LASTS))


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return how many episodes there were in the 14 days, by level."""
    kept = continuous_glucose.two_weeks(readings, last)
    needed, step = continuous_glucose.enough(kept), continuous_glucose.step(kept)
    basis = Basis.of(kept, last=last, days=continuous_glucose.DAYS, source=SOURCE)
    return [
        replace(basis, evidence=tuple(kept.filter(pl.col("value") < below)["key"])).figure(
            name,
            len(episodes(kept, below, step)) if kept.height >= needed else None,
            "1",
            0,
            needed=needed,
        )
        for name, below in LEVELS.items()
    ]
