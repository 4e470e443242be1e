"""Hypoglycaemic episodes of a sensor: at least 15 minutes below, ended by 15 minutes back.

Source: ATTD consensus (Danne 2017), table 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import continuous_glucose
from care.metrics.figure import SHOWN, Basis, Figure
from care.metrics.glucose_sensor import GAP, standing

LEVELS = {"glucose_episodes_below_70": Decimal(70), "glucose_episodes_below_54": Decimal(54)}
"""mg/dL: level 1, and level 2, which asks for action at once."""
LASTS = timedelta(minutes=15)
PROLONGED = timedelta(minutes=120)
SOURCE = "ATTD consensus: 15 minutes below, ended by 15 minutes back"


@dataclass(frozen=True, slots=True)
class Episode:
    """From the first reading below to the end of what the `last` one stands for."""

    start: datetime
    last: datetime
    end: datetime

    @property
    def lasts(self) -> bool:
        """Long enough to be one."""
        return self.end - self.start >= LASTS

    @property
    def prolonged(self) -> bool:
        """Two hours or more."""
        return self.end - self.start >= PROLONGED


def episodes(readings: pl.DataFrame, below: Decimal) -> list[Episode]:
    """Return the episodes in a patient's readings, in the order of time.

    Of each series, since of two sensors one may never have been below; and of all together, since
    what one of two streams lost the other may have.
    """
    known = standing(readings)
    every = [known, *(known.partition_by("series") if known["series"].n_unique() > 1 else ())]
    return _merged(one for some in every for one in _of_one(some, below))


def _of_one(readings: pl.DataFrame, below: Decimal) -> Iterator[Episode]:
    run: Episode | None = None
    for at, value, step in readings.select("taken_at", "value", "step").iter_rows():
        if run and _ended(run, at, back=value >= below):
            yield from (run,) if run.lasts else ()
            run = None
        if value < below:
            run = Episode(run.start if run else at, at, at + step)
    yield from (run,) if run and run.lasts else ()


def _ended(run: Episode, at: datetime, *, back: bool) -> bool:
    """Say whether an episode was over before, or is with, the reading of a moment.

    One that has not lasted yet ends with the first reading back: it never began.
    """
    since = at - run.last
    return since > GAP or (back and (not run.lasts or since >= LASTS))


def _merged(some: Iterable[Episode]) -> list[Episode]:
    """Return episodes that overlap as one."""
    found: list[Episode] = []
    for one in sorted(some, key=lambda each: each.start):
        if found and one.start <= found[-1].end:
            found[-1] = _joined(found[-1], one)
        else:
            found.append(one)
    return found


def _joined(one: Episode, other: Episode) -> Episode:
    return Episode(one.start, max(one.last, other.last), max(one.end, other.end))


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return how many episodes there were in the 14 days, by level."""
    kept = continuous_glucose.two_weeks(readings, last)
    needed = continuous_glucose.enough(kept)
    basis = Basis.of(kept, last=last, days=continuous_glucose.DAYS, source=SOURCE)
    return [
        replace(
            basis, evidence=tuple(kept.filter(pl.col("value") < below)["key"].tail(SHOWN))
        ).figure(
            name,
            len(episodes(kept, below)) if kept.height >= needed else None,
            "1",
            0,
            needed=needed,
        )
        for name, below in LEVELS.items()
    ]
