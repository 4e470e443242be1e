"""The languages of what people read."""

from __future__ import annotations

LANGUAGES = ("fr", "en")
"""The first is spoken where nobody says otherwise."""


def preferred(accept_language: str) -> str:
    """Return the language of a browser that says which ones it accepts."""
    return "en" if accept_language.lower().startswith("en") else LANGUAGES[0]


def other(language: str) -> str:
    """Return the language a page offers beside its own."""
    return LANGUAGES[1 - LANGUAGES.index(language)]
