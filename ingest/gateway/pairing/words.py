"""What is said of a stage or a cause, in French and English."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ingest.gateway.pairing.stages import Cause, Stage


@dataclass(frozen=True, slots=True)
class Said:
    """Where we are or what is wrong, and the one thing to do next."""

    title: str
    next: str


@cache
def _table(language: str) -> dict[str, dict[str, dict[str, str]]]:
    folder = resources.files("ingest.gateway.pairing") / "words"
    return tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))


def said(what: Stage | Cause, language: str) -> Said:
    """Return the words of a stage or a cause; a missing one is an error of ours."""
    kind = "stage" if isinstance(what, Stage) else "cause"
    return Said(**_table(language)[kind][what.value])
