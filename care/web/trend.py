"""A trend as server-drawn SVG: median line, range band, gaps left as gaps.

No script, and nothing by colour alone: the table after it has the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from statistics import median

from markupsafe import Markup

from balise.metrics import METRICS
from care.metrics.trend import worth_telling
from care.web.words import Words

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 190, 72, 12, 12, 30
NARROWEST = 0.04
"""The scale's least height, as a share of the median: 3 kg of a weight, 4 points of oxygen."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day's figures of a metric."""

    day: date
    n: int
    low: float
    high: float
    median: float


@dataclass(frozen=True)  # no slots: what each point asks for is worked out once
class Trend:
    """A metric over a period: what the caption says, what the drawing shows."""

    metric: str
    start: date
    end: date
    days: Sequence[Day]
    limits: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    @property
    def length(self) -> int:
        """Days of the period."""
        return (self.end - self.start).days + 1

    @cached_property
    def median(self) -> float:
        """The median of the daily medians."""
        return median(day.median for day in self.days)

    @cached_property
    def low(self) -> float:
        """The lowest value of the period."""
        return min(day.low for day in self.days)

    @cached_property
    def high(self) -> float:
        """The highest value of the period."""
        return max(day.high for day in self.days)

    @cached_property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest value of the drawing.

        Wide enough that no noise fills it, and with the plan's limits that are not far away.
        """
        span = max(self.high - self.low, NARROWEST * abs(self.median)) or 1.0
        near = [float(one) for one in self.limits.values() if self._is_near(float(one), span)]
        middle = (self.low + self.high) / 2
        return (
            min(self.low, middle - span / 2, *near),
            max(self.high, middle + span / 2, *near),
        )

    def _is_near(self, limit: float, span: float) -> bool:
        return self.low - span <= limit <= self.high + span

    @property
    def change(self) -> tuple[float, float, float] | None:
        """The change over the days measured and its 95 % limits, None where there is no trend."""
        places = [(day.day - self.start).days for day in self.days]
        found = worth_telling(self.metric, places, [day.median for day in self.days])
        if found is None:
            return None
        span = places[-1] - places[0]
        return found.slope * span, found.lowest * span, found.highest * span

    def svg(self, w: Words) -> Markup:
        """Return the drawing, with what its ends are in a language."""
        decimals = METRICS[self.metric].decimals
        ends = [w.number(one, decimals) for one in self.scale]
        days = [w.day(one, "d MMM") for one in (self.start, self.end)]
        alt = w("trend.alt", metric=w(f"metric.{self.metric}"))
        runs = list(_runs(self.days))
        bands = "".join(f'<polygon class="band" points="{self._band(run)}"/>' for run in runs)
        lines = "".join(f'<polyline class="line" points="{self._line(run)}"/>' for run in runs)
        dots = "".join(self._dot(day) for day in self.days)
        limits = "".join(self._limit(float(one)) for one in self.limits.values())
        frame = Markup(
            '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="trend">'
            '<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>'
            '<text x="{}" y="{}" class="tick">{}</text><text x="{}" y="{}" class="tick">{}</text>'
            '<text x="{}" y="{}" class="tick">{}</text>'
            '<text x="{}" y="{}" class="tick" text-anchor="end">{}</text>'
        ).format(
            *(WIDTH, HEIGHT, alt),
            *(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM),
            *(2, HEIGHT - BOTTOM, ends[0], 2, TOP + 10, ends[1]),
            *(LEFT, HEIGHT - 4, days[0], WIDTH - RIGHT, HEIGHT - 4, days[1]),
        )
        return frame + Markup(bands + limits + lines + dots + "</svg>")  # noqa: S704 - numbers of ours only

    def _dot(self, day: Day) -> str:
        return (
            f'<circle class="dot" cx="{self._x(day.day):.1f}" cy="{self._y(day.median):.1f}"'
            ' r="2"/>'
        )

    def _limit(self, value: float) -> str:
        lowest, highest = self.scale
        if not lowest <= value <= highest:
            return ""
        y = f"{self._y(value):.1f}"
        return f'<line class="limit" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'

    def _x(self, day: date) -> float:
        share = ((day - self.start).days + 0.5) / self.length
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        lowest, highest = self.scale
        return TOP + (highest - value) / (highest - lowest) * (HEIGHT - TOP - BOTTOM)

    def _line(self, run: Sequence[Day]) -> str:
        return " ".join(f"{self._x(day.day):.1f},{self._y(day.median):.1f}" for day in run)

    def _band(self, run: Sequence[Day]) -> str:
        upper = [f"{self._x(day.day):.1f},{self._y(day.high):.1f}" for day in run]
        lower = [f"{self._x(day.day):.1f},{self._y(day.low):.1f}" for day in reversed(run)]
        return " ".join(upper + lower)


def _runs(days: Sequence[Day]) -> list[list[Day]]:
    """Return the unbroken runs of days: a line is never drawn over a day without reading."""
    runs: list[list[Day]] = [[days[0]]] if days else []
    for before, day in pairwise(days):
        if day.day - before.day > timedelta(days=1):
            runs.append([])
        runs[-1].append(day)
    return runs
