"""What a reason of a refusal means in plain words, and what to do next: a table, by language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple

from balise.languages import LANGUAGES


class Step(NamedTuple):
    """A reason's name for people, and the next step."""

    title: str
    next: str


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    file = resources.files("balise") / "next_steps.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def step(reason: str, language: str) -> Step:
    """Return what a reason means; one of an older version is its own name."""
    texts = _table().get(reason)
    if texts is None:
        return Step(reason, "")
    return Step(*texts[language if language in LANGUAGES else LANGUAGES[0]])
