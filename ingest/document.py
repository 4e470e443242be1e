"""A data point of a file, on its way to the spool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One data point of a file, with whose the sender says it is."""

    convention: str
    text: str
    person: str = ""
