"""Heart-rate variability from the intervals between beats: SDNN and RMSSD.

Source: Task Force of ESC and NASPE, Eur Heart J 1996;17:354: of normal beats only. A beat is normal
within 300 to 2000 ms and 20 % of the last normal one (Malik).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, stdev

import polars as pl

from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

SHORTEST, LONGEST = 300, 2000
JUMP = 0.20
ENOUGH_SECONDS, ENOUGH_SECONDS_SDNN = 60, 300
MOST_ARTEFACTS = 0.20
DAYS, ENOUGH_NIGHTS, NIGHT_ENDS = 7, 3, 6
SOURCE = "Task Force 1996, median of the nights (0 to 6 h)"
_GAP = timedelta(seconds=5)
"""A longer silence between two intervals is a connection lost: what follows is no neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability:
    """Figures of one recording, in ms; None where it is too short or too disturbed to tell.

    `rejected` are the places of the beats that aren't normal, `pairs` how many differences count.
    """

    seconds: float
    n: int
    pairs: int
    rejected: tuple[int, ...]
    mean: float | None
    sdnn: float | None
    rmssd: float | None


def variability(
    intervals: Sequence[float], *, least: float = ENOUGH_SECONDS, least_sdnn: float | None = None
) -> Variability:
    """Return the figures of successive intervals in ms.

    Differences are taken only between beats that were neighbours: across a rejected one they say
    nothing of the heart. `least` and `least_sdnn` are seconds.
    """
    normal = accepted(intervals)
    kept = [intervals[place] for place in normal]
    differences = [
        intervals[place] - intervals[before]
        for before, place in pairwise(normal)
        if place == before + 1
    ]
    seconds = sum(intervals) / 1000
    clean = len(intervals) - len(normal) <= MOST_ARTEFACTS * len(intervals)
    enough, enough_sdnn = (
        clean and len(differences) > 1 and seconds >= wanted
        for wanted in (least, ENOUGH_SECONDS_SDNN if least_sdnn is None else least_sdnn)
    )
    return Variability(
        seconds=seconds,
        n=len(kept),
        pairs=len(differences),
        rejected=tuple(sorted(set(range(len(intervals))) - set(normal))),
        mean=fmean(kept) if kept else None,
        sdnn=stdev(kept) if enough_sdnn else None,
        rmssd=sqrt(fmean(one * one for one in differences)) if enough else None,
    )


def accepted(intervals: Sequence[float]) -> list[int]:
    """Return the places of the normal beats, each judged against the last normal one."""
    places: list[int] = []
    for place, interval in enumerate(intervals):
        last = intervals[places[-1]] if places else interval
        if SHORTEST <= interval <= LONGEST and abs(interval - last) <= JUMP * last:
            places.append(place)
    return places


def recordings(readings: pl.DataFrame) -> list[list[float]]:
    """Return the intervals of each unbroken recording, in the order they were heard."""
    ordered = readings.sort("series", "taken_at", "stamped_at", "sequence")
    broken = (pl.col("taken_at").diff() > _GAP) | (pl.col("series").diff() != 0)
    numbered = ordered.with_columns(recording=broken.fill_null(value=False).cum_sum())
    return [
        part["value"].cast(pl.Float64).to_list()
        for part in numbered.partition_by("recording", maintain_order=True)
    ]


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the median over 7 nights of each night's RMSSD and SDNN."""
    night = pl.col("hour") < NIGHT_ENDS
    kept = readings.filter(of_period("rr_interval", last, DAYS) & night & measured())
    nights = [_longest(night) for night in kept.partition_by("day")]
    found = {
        "rmssd": [one.rmssd for one in nights if one.rmssd is not None],
        "sdnn": [one.sdnn for one in nights if one.sdnn is not None],
    }
    return [
        Basis.of(kept, last=last, days=DAYS, source=SOURCE, n=len(values)).figure(
            f"heart_rate_variability_{name}",
            median(values) if len(values) >= ENOUGH_NIGHTS else None,
            "ms",
            0,
            needed=ENOUGH_NIGHTS,
            missing="nights",
        )
        for name, values in found.items()
    ]


def _longest(night: pl.DataFrame) -> Variability:
    return variability(max(recordings(night), key=sum))
