"""What a doctor says of one part, of the server or of a box."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One part and how it is."""

    part: str
    ok: bool
    says: str
