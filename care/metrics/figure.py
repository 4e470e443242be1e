"""A clinical figure: a value with what it rests on, or what is missing for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` is None where the data don't suffice, and `missing` says what lacks; never 0."""

    name: str
    value: Decimal | None
    unit: str
    n: int
    needed: int
    days: int
    days_with_data: int
    start: date
    end: date
    source: str
    missing: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        """The share of the period's days that have a reading."""
        return self.days_with_data / self.days if self.days else 0.0


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Round half up, as a clinician does by hand."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
