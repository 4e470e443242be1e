"""What somebody else wrote, on a terminal of ours."""

from __future__ import annotations

from rich.markup import escape


def plain(text: str) -> str:
    """Return a text as what it is: no colours, no control codes."""
    return escape("".join(one if one.isprintable() else "?" for one in text))
