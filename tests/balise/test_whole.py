"""Whole numbers as somebody else writes them: few ASCII digits, and nothing else."""

from __future__ import annotations

import pytest

from balise.whole import whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7", 7), ("007", 7), ("999", 999), ("1000", None), ("99999", None)],
)
def test_a_number_below_a_limit(text: str, number: int | None):
    assert whole(text, 1000) == number


@pytest.mark.parametrize("text", ["", " 1", "-1", "+1", "1.0", "1_0", "²", "٣", "x", "9" * 5000])
def test_what_only_looks_like_one(text: str):
    assert whole(text, 1 << 31) is None
