"""All SQL of Balise: numbered migrations and named queries, one file a subject.

A query is a block `-- name --`, a comment that says why, a statement; `get("landing.open_batch")`
returns it as a LiteralString, so that psycopg's types go on refusing built strings elsewhere.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_BLOCK = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


def _literal(text: str) -> LiteralString:
    """Vouch for a text of our own files; mypy takes LiteralString for str, so it sees no cast."""
    return cast("LiteralString", text)  # type: ignore[redundant-cast]


@cache
def queries() -> dict[str, LiteralString]:
    """Return every named query, by `subject.name`."""
    found: dict[str, LiteralString] = {}
    for file in sorted(resources.files("sql").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".sql"):
            subject = file.name.removesuffix(".sql")
            _, *parts = _BLOCK.split(file.read_text(encoding="utf-8"))
            for name, text in zip(parts[::2], parts[1::2], strict=True):
                found[f"{subject}.{name}"] = _literal(text.strip())
    return found


def get(name: str) -> LiteralString:
    """Return one named query."""
    return queries()[name]


@cache
def migrations() -> dict[int, tuple[str, LiteralString]]:
    """Return the migrations as number → (file name, statements), in order."""
    folder = resources.files("sql") / "migrations"
    files = sorted((file for file in folder.iterdir()), key=lambda one: one.name)
    return {
        int(file.name[:4]): (file.name, _literal(file.read_text(encoding="utf-8")))
        for file in files
        if file.name.endswith(".sql")
    }
