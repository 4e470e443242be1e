"""A care pathway, declared: what is expected, which rules judge it, which figures sum it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from care.metrics.figure import Figure

FigureFunction = Callable[[pl.DataFrame, date], list[Figure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathway:
    """`expected` is how long each metric may be silent; the silence rule needs no mention."""

    name: str
    expected: dict[str, timedelta]
    rules: tuple[str, ...]
    figures: tuple[FigureFunction, ...]
    metrics: tuple[str, ...]
