"""Sets of numbers as closed ranges: sorted and apart, few where the numbers are millions."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def merged(*sets: Iterable[Range]) -> Ranges:
    """Return every number of some sets of ranges, in whatever order they come."""
    found: list[Range] = []
    for low, high in sorted(one for ranges in sets for one in ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def minus(ranges: Ranges, others: Ranges) -> Ranges:
    """Return the numbers of one set that are not in the other."""
    found: list[Range] = []
    place = 0
    for low, high in ranges:
        rest = low
        while place < len(others) and others[place][1] < rest:
            place += 1
        ahead = place
        while ahead < len(others) and others[ahead][0] <= high:
            if rest < others[ahead][0]:
                found.append((rest, others[ahead][0] - 1))
            rest = others[ahead][1] + 1
            ahead += 1
        if rest <= high:
            found.append((rest, high))
    return tuple(found)


def common(ranges: Ranges, others: Ranges) -> Ranges:
    """Return the numbers that are in both sets."""
    return minus(ranges, minus(ranges, others))


def within(ranges: Ranges, low: int, high: int) -> Ranges:
    """Return the numbers of a set from one number to another."""
    return tuple(
        (max(first, low), min(last, high))
        for first, last in ranges
        if first <= high and low <= last
    )


def count(ranges: Ranges) -> int:
    """Return how many numbers are in a set."""
    return sum(high - low + 1 for low, high in ranges)


def of(numbers: Iterable[int]) -> Ranges:
    """Return single numbers as ranges."""
    return merged((number, number) for number in numbers)
