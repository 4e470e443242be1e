"""Which device counts where several tell one metric of one patient: chosen anew for each window.

A window is a patient's metric on one local day. The choice follows from the window's readings and
from what is declared, never from the order of arrival. What does not count is kept and shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from balise.metrics import METRICS, Rollup

WINDOW = ("subject", "metric", "day")

READINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
    "device": pl.Int32,
    "taken_at": pl.Datetime("us", "UTC"),
    "value": pl.Float64,
}
"""What comes in: the readings that may count at all, of whole windows."""

SOURCES: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
    "device": pl.Int32,
    "place": pl.Int32,
    "n": pl.Int32,
    "hours": pl.Int32,
    "counts": pl.Boolean,
    "reason": pl.String,
}
"""What goes out: a row a device of each window that has several; the first in `place` counts."""

ONE_COUNTS = frozenset(
    name for name, metric in METRICS.items() if metric.rollup is not Rollup.MEDIAN
)
"""Metrics of which one device's account of a day is whole, and two are one too many: what is summed
(steps), and what is told for a whole stretch (a night's sleep). Of the others, each reading is a
measurement of its own, and all count unless something is declared."""

ANY = ""
"""In the place of a metric: every metric."""


class Reason(StrEnum):
    """Why a device does not count in a window."""

    PATIENT = "patient"
    """Another was chosen for this patient."""
    PATHWAY = "pathway"
    """The pathway puts another before it."""
    COVERAGE = "coverage"
    """Another has readings in more hours of that day."""
    AGE = "age"
    """Another has as many, and was enrolled before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared for one patient.

    `chosen` is the device preferred for this patient, by metric or for ANY; `pathway` the pathway's
    words by metric, the best first; `devices` what each device is called there.
    """

    chosen: Mapping[str, int] = field(default_factory=dict[str, int])
    pathway: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    devices: Mapping[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])


def rank(declared: Declared, metric: str, device: int) -> tuple[int, str]:
    """Return where a device stands for a metric, the lowest first, and who says so, "" nobody."""
    if declared.chosen.get(metric) == device:
        return 0, Reason.PATIENT
    if declared.chosen.get(ANY) == device:
        return 1, Reason.PATIENT
    words = declared.pathway.get(metric, ())
    called = declared.devices.get(device, frozenset())
    for place, word in enumerate(words, 2):
        if word in called:
            return place, Reason.PATHWAY
    return 2 + len(words), ""


def choose(readings: pl.DataFrame, declared: Mapping[int, Declared]) -> pl.DataFrame:
    """Return the devices of each window that has several, with which of them counts and why not.

    By what is declared first; among equals, where one only may count, the one with readings in
    most hours of the day, then the one enrolled first.
    """
    ordered = (
        _heard(readings)
        .join(_ranks(_heard(readings), declared), on=["subject", "metric", "device"])
        .sort(*WINDOW, "rank", -pl.col("hours"), "device")
    )
    place = pl.int_range(pl.len()).over(WINDOW)
    level = pl.col("rank") == pl.col("rank").first().over(WINDOW)
    fewer = pl.col("hours") < pl.col("hours").first().over(WINDOW)
    counts = level & ((place == 0) | ~pl.col("metric").is_in(list(ONE_COUNTS)))
    reason = (
        pl.when(counts)
        .then(pl.lit(""))
        .when(~level)
        .then(pl.col("by").first().over(WINDOW))
        .otherwise(pl.when(fewer).then(pl.lit(Reason.COVERAGE)).otherwise(pl.lit(Reason.AGE)))
    )
    found = ordered.with_columns(place=place, counts=counts, reason=reason)
    return found.select(pl.col(name).cast(kind) for name, kind in SOURCES.items())


def _heard(readings: pl.DataFrame) -> pl.DataFrame:
    """Return what each device said in each window in which it was not the only one."""
    hours = pl.col("taken_at").dt.truncate("1h").n_unique()
    heard = readings.group_by(*WINDOW, "device").agg(n=pl.len(), hours=hours.cast(pl.Int32))
    return heard.filter(pl.len().over(WINDOW) > 1)


def _ranks(heard: pl.DataFrame, declared: Mapping[int, Declared]) -> pl.DataFrame:
    nothing = Declared()
    keys = heard.select("subject", "metric", "device").unique()
    rows = [
        (subject, metric, device, *rank(declared.get(subject, nothing), metric, device))
        for subject, metric, device in keys.iter_rows()
    ]
    return pl.DataFrame(rows, schema=_RANKS, orient="row")


_RANKS: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: READINGS[name] for name in ("subject", "metric", "device")},
    "rank": pl.Int32,
    "by": pl.String,
}


def counted(readings: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Return the readings without those of devices that do not count in their window."""
    return readings.join(sources.filter(~pl.col("counts")), on=[*WINDOW, "device"], how="anti")
