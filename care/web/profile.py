"""The ambulatory glucose profile as server-drawn SVG: a day's median, and how wide days spread.

No script, and nothing by colour alone: the table after it has the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 240, 48, 12, 12, 28
LOWEST, HIGHEST = 40.0, 350.0
"""mg/dL that the drawing reaches to; the AGP report's own scale."""
TARGET = (70, 180)
_HOURS = (0, 6, 12, 18, 24)
_OUTER, _INNER, _MEDIAN = (0, 4), (1, 3), 2


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the day: percentiles 5, 25, 50, 75 and 95 in mg/dL, of so many readings."""

    hour: int
    n: int
    percentiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The hours that have enough readings, in order."""

    hours: Sequence[Hour]

    @classmethod
    def of(cls, stored: Sequence[Mapping[str, Any]] | None) -> Self | None:
        """Return a stored profile, None where there is none."""
        if not stored:
            return None
        return cls([Hour(one["hour"], one["n"], tuple(one["percentiles"])) for one in stored])

    def svg(self, alt: str) -> Markup:
        """Return the drawing: target, 5 to 95 % and 25 to 75 % as bands, the median as a line."""
        drawn = "".join(
            self._band(run, *ends, name)
            for run in self._runs()
            for ends, name in ((_OUTER, "outer"), (_INNER, "inner"))
        )
        lines = "".join(
            f'<polyline class="line" points="{self._points(run, _MEDIAN)}"/>'
            for run in self._runs()
        )
        frame = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="trend">').format(
            WIDTH, HEIGHT, alt
        )
        return frame + Markup(self._axes() + drawn + lines + "</svg>")  # noqa: S704 - numbers of ours only

    def _runs(self) -> list[list[Hour]]:
        """Return unbroken hours: nothing is drawn over an hour without readings."""
        runs: list[list[Hour]] = [[self.hours[0]]]
        for before, one in pairwise(self.hours):
            if one.hour != before.hour + 1:
                runs.append([])
            runs[-1].append(one)
        return runs

    def _axes(self) -> str:
        limits = "".join(
            f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(one):.1f}"'
            f' y2="{_y(one):.1f}"/><text class="tick" x="2" y="{_y(one) + 4:.1f}">{one}</text>'
            for one in TARGET
        )
        hours = "".join(
            f'<text class="tick" x="{min(_x(one), WIDTH - 36):.1f}" y="{HEIGHT - 6}">{one} h</text>'
            for one in _HOURS
        )
        return limits + hours

    def _band(self, run: Sequence[Hour], low: int, high: int, name: str) -> str:
        points = f"{self._points(run, high)} {self._points(list(reversed(run)), low)}"
        return f'<polygon class="band {name}" points="{points}"/>'

    def _points(self, run: Sequence[Hour], which: int) -> str:
        return " ".join(f"{_x(one.hour + 0.5):.1f},{_y(one.percentiles[which]):.1f}" for one in run)


def _x(hour: float) -> float:
    return LEFT + hour / 24 * (WIDTH - LEFT - RIGHT)


def _y(glucose: float) -> float:
    kept = min(max(glucose, LOWEST), HIGHEST)
    return TOP + (HIGHEST - kept) / (HIGHEST - LOWEST) * (HEIGHT - TOP - BOTTOM)
