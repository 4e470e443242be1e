"""A care pathway, declared: what is expected, which rules judge it, which figures sum it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from care.metrics import FigureFunction, glucose_profile, home_blood_pressure
from care.metrics.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathway:
    """`expected` is how long each metric may be silent; the silence rule needs no mention.

    `reference` is what the decrees ask of it, `instead` says which others may come in place of an
    expected one. `protocol` is how home blood pressure is summed up where the plan doesn't say,
    `profile` what is laid over one another as one day.

    `sources` says for a metric which of several devices counts, the best first: a model, a kind of
    model, or a payload convention (`devices/called.py`).
    """

    name: str
    reference: str
    expected: dict[str, timedelta]
    rules: tuple[str, ...]
    figures: tuple[FigureFunction, ...]
    metrics: tuple[str, ...]
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    protocol: str = ""
    profile: Callable[[pl.DataFrame, date], list[glucose_profile.Hour]] | None = None

    def figures_of(self, readings: pl.DataFrame, last: date, protocol: str) -> list[Figure]:
        """Return every figure as of a day; blood pressure's first, by the plan's protocol."""
        chosen = home_blood_pressure.PROTOCOLS.get(protocol or self.protocol)
        pressure = home_blood_pressure.figures(readings, last, chosen) if chosen else []
        return pressure + [one for function in self.figures for one in function(readings, last)]
