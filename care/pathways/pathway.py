"""A care pathway, declared: what is expected, which rules judge it, which figures sum it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from care.metrics.figure import Figure

FigureFunction = Callable[[pl.DataFrame, date], list[Figure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathway:
    """`expected` is how long each metric may be silent; the silence rule needs no mention.

    `instead` says which others may come in place of an expected one.

    `sources` says for a metric which of several devices counts, the best first: a model, a kind of
    model, or a payload convention (`devices/called.py`).
    """

    name: str
    expected: dict[str, timedelta]
    rules: tuple[str, ...]
    figures: tuple[FigureFunction, ...]
    metrics: tuple[str, ...]
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
