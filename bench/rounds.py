"""Ways measured side by side: rounds that alternate, medians, and the ratios of each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.cost import TICK_SECONDS, Spent, clock, spent

DISTURBED = 0.1
"""Cores taken by strangers above which a round is marked with "~"."""

Measured = Mapping[str, Sequence["Round"]]


@dataclass(frozen=True, slots=True)
class Round:
    """So many units of work, and what they took."""

    units: int
    spent: Spent

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.spent.seconds

    def processor(self, name: str) -> float:
        """Processor seconds of one process for a million units."""
        return self.spent.processor[name] / self.units * 1e6

    @property
    def cost(self) -> float:
        """Processor seconds of all processes for a unit; at least one tick of the clock's."""
        return max(TICK_SECONDS, sum(self.spent.processor.values())) / self.units

    @property
    def disturbed(self) -> bool:
        """Whether strangers took enough of the machine to matter."""
        return self.spent.strangers > DISTURBED


def timed(work: Callable[[], int], processes: Mapping[str, int]) -> Round:
    """Do work that says how many units it did; return what it took."""
    before = clock(processes)
    units = work()
    return Round(units, spent(before, clock(processes)))


def alternate(ways: Mapping[str, Callable[[], Round]], rounds: int) -> dict[str, list[Round]]:
    """Go round the ways so many times, so that what slows the machine slows all of them."""
    done: dict[str, list[Round]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            done[name].append(way())
    return done


def report(measured: Measured) -> dict[str, object]:
    """Return rates and processor seconds for a million, by way: medians, and every round's rate."""
    return {name: _way(rounds) for name, rounds in measured.items()}


def _way(rounds: Sequence[Round]) -> dict[str, object]:
    names = rounds[0].spent.processor
    processor = {name: median([one.processor(name) for one in rounds]) for name in names}
    marked = ["~" * one.disturbed + str(round(one.rate)) for one in rounds]
    return {
        "a_second": round(statistics.median(one.rate for one in rounds)),
        "processor_seconds_a_million": processor | {"all": round(sum(processor.values()), 2)},
        "of_the_bench": median([one.spent.bench / one.units * 1e6 for one in rounds]),
        "rounds": marked,
    }


def ratio(
    measured: Measured, over: str, under: str, of: Callable[[Round], float] = lambda one: one.rate
) -> dict[str, float]:
    """Return how many times as fast one way is as another: of each round, then their median."""
    pairs = zip(measured[over], measured[under], strict=True)
    found = sorted(of(one) / of(other) for one, other in pairs)
    return {"median": median(found), "least": round(found[0], 3), "most": round(found[-1], 3)}


def costs(measured: Measured, over: str, under: str) -> dict[str, dict[str, float]]:
    """Return how many times the processor's time one way takes of another's."""
    return {f"{over} / {under}": ratio(measured, over, under, lambda one: one.cost)}


def ratios(measured: Measured, over: str) -> dict[str, dict[str, float]]:
    """Return one way's ratios to all the others."""
    return {f"{over} / {name}": ratio(measured, over, name) for name in measured if name != over}


def median(values: Sequence[float]) -> float:
    """Return the median as it is printed."""
    return round(statistics.median(values), 3)


def share(values: Sequence[float], part: float) -> float:
    """Return the value that a part of all does not exceed."""
    return sorted(values)[int(part * (len(values) - 1))]
