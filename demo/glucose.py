"""A made-up day of a glucose sensor: three meals over a slow drift, five minutes apart."""

from __future__ import annotations

from math import exp
from random import Random

STEP = 5
"""Minutes."""

_MEALS = (8 * 60, 12 * 60 + 30, 19 * 60 + 30)
_ABSORBED = 55.0
"""Minutes from a meal to its peak."""


def day(random: Random) -> list[int]:
    """Return mg/dL each five minutes from midnight to midnight."""
    sizes = [random.gauss(80, 25) for _ in _MEALS]
    drift, values = random.gauss(0, 12), list[int]()
    for minute in range(0, 24 * 60, STEP):
        drift = 0.97 * drift + random.gauss(0, 4)
        meals = sum(size * _risen(minute - meal) for size, meal in zip(sizes, _MEALS, strict=True))
        values.append(max(48, round(106 + drift + meals)))
    return values


def _risen(since: float) -> float:
    """Return how much of a meal's peak there is, so many minutes after it."""
    return max(0.0, since) / _ABSORBED * exp(1 - max(0.0, since) / _ABSORBED)
