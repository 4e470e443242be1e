"""A payload convention, declared: its name and how one document of it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from balise.model import Decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """`read` turns a document into what it says, or raises PayloadError."""

    name: str
    title: str
    read: Callable[[str], tuple[Decoded, ...]]
