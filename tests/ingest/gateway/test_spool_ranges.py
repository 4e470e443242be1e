from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.gateway import ranges
from ingest.gateway.ranges import Ranges

NUMBERS = st.sets(st.integers(min_value=1, max_value=60))


def numbers(some: Ranges) -> set[int]:
    return {number for low, high in some for number in range(low, high + 1)}


@given(NUMBERS)
def test_ranges_are_the_numbers_sorted_and_apart(some: set[int]):
    found = ranges.of(some)
    assert numbers(found) == some
    assert ranges.count(found) == len(some)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(NUMBERS, NUMBERS)
def test_sets_of_ranges_are_sets(one: set[int], other: set[int]):
    first, second = ranges.of(one), ranges.of(other)
    assert numbers(ranges.merged(first, second)) == one | other
    assert numbers(ranges.minus(first, second)) == one - other
    assert numbers(ranges.common(first, second)) == one & other


@given(NUMBERS, st.integers(0, 61), st.integers(0, 61))
def test_a_window_on_ranges(some: set[int], low: int, high: int):
    assert numbers(ranges.within(ranges.of(some), low, high)) == some & set(range(low, high + 1))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9))))
def test_ranges_that_overlap_become_one(some: list[tuple[int, int]]):
    given_ = [(low, low + more) for low, more in some]
    found = ranges.merged(given_)
    assert numbers(found) == numbers(tuple(given_))
    assert found == ranges.merged(found)
