"""A clinical figure: a value with what it rests on, or what is missing for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

import polars as pl

SHOWN = 200
"""How many of a figure's readings it names, the last ones; a sensor's 4,000 fill no page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` is None where the data don't suffice, and `missing` says what lacks; never 0.

    `left_out` is how many readings of the period do not count, by the reason.
    """

    name: str
    value: Decimal | None
    unit: str
    n: int
    needed: int
    days: int
    days_with_data: int
    start: date
    end: date
    source: str
    missing: str = ""
    evidence: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def coverage(self) -> float:
        """The share of the period's days that have a reading."""
        return self.days_with_data / self.days if self.days else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figure as it is stored and exported; the value as text keeps its digits."""
        return {
            **asdict(self),
            "value": None if self.value is None else str(self.value),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "coverage": round(self.coverage, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the figures of a period rest on: how many values of which days, by which protocol."""

    start: date
    end: date
    n: int
    days_with_data: int
    source: str
    evidence: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(
        cls, kept: pl.DataFrame, *, last: date, days: int, source: str, n: int | None = None
    ) -> Self:
        """Return the basis of figures made of these readings; `n` where days or nights count."""
        return cls(
            start=first_of(last, days),
            end=last,
            n=kept.height if n is None else n,
            days_with_data=kept["day"].n_unique(),
            source=source,
            evidence=tuple(kept["key"].tail(SHOWN)),
        )

    def figure(
        self,
        name: str,
        value: Decimal | float | None,
        unit: str,
        decimals: int,
        *,
        needed: int,
        missing: str = "readings",
    ) -> Figure:
        """Return one figure, rounded half up; `missing` says what there are too few of."""
        return Figure(
            name=name,
            value=None if value is None else rounded(Decimal(value), decimals),
            unit=unit,
            n=self.n,
            needed=needed,
            days=(self.end - self.start).days + 1,
            days_with_data=self.days_with_data,
            start=self.start,
            end=self.end,
            source=self.source,
            missing=missing if value is None else "",
            evidence=self.evidence,
            left_out=self.left_out,
        )


def first_of(last: date, days: int) -> date:
    """Return the first day of a period of so many days."""
    return last - timedelta(days=days - 1)


def of_period(metric: str, last: date, days: int) -> pl.Expr:
    """Keep a metric's readings of the days that end with `last`."""
    return (pl.col("metric") == metric) & pl.col("day").is_between(first_of(last, days), last)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Round half up, as a clinician does by hand."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
