"""Whole numbers as somebody else writes them."""

from __future__ import annotations


def whole(text: str, below: int) -> int | None:
    """Return a number from 0 on, in ASCII digits; None for what is none, or not below.

    int() takes the digits of other alphabets, and has an error of its own for very long ones.
    """
    few = len(text) <= len(str(below))
    number = int(text) if few and text.isascii() and text.isdigit() else below
    return number if number < below else None
