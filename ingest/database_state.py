"""Why the database takes nothing, in words for a log and a status: never what it was about."""

from __future__ import annotations

import psycopg

_DOWN = "database down"
_WHY = (
    ("53100", "database full"),
    ("53", "database overloaded"),
    ("42P01", "database without schema"),
    ("42703", "database without schema"),
    ("25006", "database read-only"),
    ("28", "database shut to us"),
    ("3D", "database missing"),
    ("57P", _DOWN),
    ("08", _DOWN),
)
"""SQLSTATE, or its class, and what it means to whoever keeps the line; the first match counts."""


def why(error: psycopg.Error) -> str:
    """Return what keeps a database from taking what we have."""
    code = error.sqlstate
    if code is None:  # no answer at all
        return _DOWN
    found = (words for start, words in _WHY if code.startswith(start))
    return next(found, "database refuses")
